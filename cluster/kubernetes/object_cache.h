// ObjectCache: the objects of some kinds as the cluster last told of them, findable by name and by owner.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/json/value.h"
#include "ports/cluster.h"

namespace asya::cluster::kubernetes {

// metadata.resourceVersion as the number that it is (KEP-5504); 0 where it is none.
std::uint64_t VersionOf(const json::Value& object);

// Thread safe. Objects come from a list, from a watch, and from the answers to own writes; the newest counts, whichever
// way it came. They are kept shortened, with no more of managedFields than who has applied a count of replicas.
class ObjectCache {
 public:
  using Object = std::shared_ptr<const json::Value>;
  // Who owns an object, in whatever words; empty: nobody.
  using OwnerOf = std::function<std::string(const json::Value& object)>;

  explicit ObjectCache(OwnerOf owner_of) : owner_of_(std::move(owner_of)) {}

  // All of a kind as of `version`. Returns the owners of what changed.
  std::set<std::string> Replace(const std::string& kind, std::vector<json::Value> all, std::uint64_t version);
  // What a watch told. Returns the owners, before and after, or none where it is not new.
  std::set<std::string> Put(json::Value object);
  std::set<std::string> Remove(const json::Value& object);
  // All of a kind that the cluster does not serve any more. Returns their owners.
  std::set<std::string> Forget(const std::string& kind);
  // Up to where a watch has told everything of a kind.
  void SeenUpTo(const std::string& kind, std::uint64_t version);
  // The answer to a write, which may be older than what a watch has told since.
  void PutWritten(json::Value object);

  // Objects of a kind.
  [[nodiscard]] std::size_t CountOf(const std::string& kind) const;
  [[nodiscard]] Object Find(const ports::ResourceRef& ref) const;
  [[nodiscard]] std::vector<Object> All() const;
  [[nodiscard]] std::vector<ports::Observed> OwnedBy(const std::string& owner) const;

 private:
  struct Entry {
    Object object;
    std::uint64_t version = 0;
    std::string owner;
  };

  std::set<std::string> PutLocked(json::Value object);
  std::set<std::string> RemoveLocked(const ports::ResourceRef& ref, std::uint64_t version);

  const OwnerOf owner_of_;
  mutable std::mutex mutex_;
  std::map<ports::ResourceRef, Entry> entries_;
  std::map<std::string, std::set<ports::ResourceRef>> by_owner_;
  std::map<std::string, std::uint64_t> seen_;  // by kind
  std::map<std::string, std::size_t> counts_;  // by kind
};

}  // namespace asya::cluster::kubernetes
