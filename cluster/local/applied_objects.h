// AppliedObjects: the resources that were applied, each with what every field manager asked for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/json/value.h"
#include "ports/cluster.h"

namespace asya::cluster::local {

// kInvalid when apiVersion, kind or metadata.name is missing.
Result<ports::ResourceRef> RefOf(const json::Value& object);
// The label asya.sh/owner-uid; empty if there is none.
std::string OwnerOf(const json::Value& object);

// Not thread safe.
class AppliedObjects {
 public:
  struct Entry {
    json::Value object;  // with metadata.uid, generation and creationTimestamp; without status
    std::map<std::string, json::Value> by_manager;
    bool deleting = false;
  };

  // Maps merge, lists and scalars are replaced; what the manager gave before and gives no more goes, unless another
  // manager gives it too. `changed` is false when the object is as it was.
  Result<ports::Applied> Apply(const json::Value& object, const std::string& manager, WallTime now);
  [[nodiscard]] Entry* Find(const ports::ResourceRef& ref);
  void Erase(const ports::ResourceRef& ref) { entries_.erase(ref); }
  [[nodiscard]] std::vector<ports::ResourceRef> OwnedBy(const std::string& owner_uid) const;

 private:
  std::map<ports::ResourceRef, Entry> entries_;
};

}  // namespace asya::cluster::local
