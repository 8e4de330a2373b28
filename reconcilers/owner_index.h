// OwnerIndex: which object names which other as its owner, as the watches tell it.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/json/value.h"
#include "ports/object_store.h"

namespace asya::reconcilers {

inline constexpr const char* kForegroundFinalizer = "foregroundDeletion";
inline constexpr const char* kOrphanFinalizer = "orphan";

// One entry of metadata.ownerReferences.
struct OwnerReference {
  std::string uid;
  // Where the owner would be in this store; nullopt for a kind that is not kept here, of which nothing is known.
  std::optional<ports::ObjectKey> key;
  bool blocks = false;  // blockOwnerDeletion
  friend bool operator==(const OwnerReference&, const OwnerReference&) = default;
};

// Of an object in `namespace_`. An entry without a uid is left out.
std::vector<OwnerReference> OwnersOf(const json::Value& object, const std::string& namespace_);

// Thread safe. Objects without owners take no room.
class OwnerIndex {
 public:
  using Keys = std::vector<ports::ObjectKey>;

  // Takes the object as it is now; returns who has to be looked at: itself where its owners are new or its own deletion
  // is up to the collector, and its owners where it has changed them.
  Keys Put(const ports::Record& record);
  // It is gone: its dependents and its owners have to be looked at.
  Keys Remove(const ports::Record& record);
  // A whole list of one resource: what is not in it is forgotten. All dependents have to be looked at, since their
  // owners may have gone unseen.
  Keys Replace(const std::string& resource, const ports::Records& all);

  [[nodiscard]] Keys DependentsOf(const std::string& uid) const;
  // Whether each of `resources` has been listed, so that no dependent is unknown.
  [[nodiscard]] bool Complete(const std::vector<std::string>& resources) const;

 private:
  void Set(const ports::ObjectKey& key, std::vector<OwnerReference> owners);
  Keys PutLocked(const ports::Record& record);

  mutable std::mutex mutex_;
  std::map<ports::ObjectKey, std::vector<OwnerReference>> owners_;
  std::map<std::string, std::set<ports::ObjectKey>> dependents_;  // by the owner's uid
  std::set<std::string> listed_;                                  // resources
};

}  // namespace asya::reconcilers
