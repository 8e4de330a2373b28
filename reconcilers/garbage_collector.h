// GarbageCollector: deletes objects whose owners are gone, and ends deletions that wait for dependents (foreground) or
// let them go (orphan). A cluster's own collector does this where objects are served through kube-apiserver.
#pragma once

#include <string>
#include <vector>

#include "reconcilers/controller.h"
#include "reconcilers/objects.h"
#include "reconcilers/owner_index.h"

namespace asya::reconcilers {

// The key of an object in a queue that holds several kinds.
Key CollectorKey(const ports::ObjectKey& object);

// Keys are CollectorKeys. An owner is gone only where the store says so; one of a kind that is not kept here counts as
// there.
class GarbageCollector {
 public:
  // `resources`: those whose objects the index is told.
  GarbageCollector(ports::ObjectStore& store, const Clock& clock, const OwnerIndex& index,
                   std::vector<std::string> resources)
      : objects_(store, clock, "system:asya:garbage-collector"), index_(index), resources_(std::move(resources)) {}
  Outcome Reconcile(const Key& key);

 private:
  enum class Owner { kThere, kGone, kWaiting };

  Status Collect(const Stored& object);
  Outcome DeleteForeground(const Stored& owner);
  Outcome LetGo(const Stored& owner);
  Result<Owner> LookAtOwner(const OwnerReference& reference);
  // Without the owner references for which `drop` holds.
  Status DropOwners(const Stored& object, const std::function<bool(const std::string& uid)>& drop);
  Result<std::optional<Stored>> Get(const ports::ObjectKey& key) {
    return objects_.Get(key.resource, key.namespace_, key.name);
  }

  Objects objects_;
  const OwnerIndex& index_;
  const std::vector<std::string> resources_;
};

}  // namespace asya::reconcilers
