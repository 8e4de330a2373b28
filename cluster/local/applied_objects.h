// AppliedObjects: the resources that were applied, each with what every field manager asked for.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/json/value.h"
#include "ports/cluster.h"
#include "ports/planning.h"

namespace asya::cluster::local {

// Not thread safe.
class AppliedObjects {
 public:
  // What one field manager asked for. Most actors are at rest, and values take a hundred times what these bytes do.
  struct Given {
    std::string manager;
    std::string packed;  // JSON, packed against the first object of the kind
  };
  struct Entry {
    std::vector<Given> given;  // in the order in which they were applied last
    std::string uid;
    std::string created_at;
    std::int64_t generation = 0;
    std::string owner;
    bool deleting = false;
  };

  // Maps merge, lists and scalars are replaced; what the manager gave before and gives no more goes, unless another
  // manager gives it too. `changed` is false when the object is as it was.
  Result<ports::Applied> Apply(const json::Value& object, const std::string& manager, WallTime now);
  // What Apply would make of the object.
  [[nodiscard]] Result<ports::TriedApply> Try(const json::Value& object, const std::string& manager) const;
  [[nodiscard]] Entry* Find(const ports::ResourceRef& ref);
  // Made anew: with metadata.uid, generation and creationTimestamp; without status. Null when there is no such object.
  [[nodiscard]] json::Value Object(const ports::ResourceRef& ref) const;
  void Erase(const ports::ResourceRef& ref);
  [[nodiscard]] std::vector<ports::ResourceRef> OwnedBy(const std::string& owner_uid) const;

 private:
  [[nodiscard]] json::Value Merged(const ports::ResourceRef& ref, const std::vector<Given>& all) const;
  void SetOwner(const ports::ResourceRef& ref, Entry& entry, const std::string& owner);

  std::map<ports::ResourceRef, Entry> entries_;
  std::map<std::string, std::string> dictionaries_;                         // by kind; never changed
  std::map<std::string, std::vector<const ports::ResourceRef*>> by_owner_;  // keys of entries_, sorted
};

}  // namespace asya::cluster::local
