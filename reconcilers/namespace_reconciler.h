// NamespaceReconciler: lets a namespace that is being deleted go when the last object in it has gone.
#pragma once

#include <string>

#include "reconcilers/controller.h"
#include "reconcilers/objects.h"

namespace asya::reconcilers {

// Keys are cluster-scoped: the name is the namespace's. Thread safe for different keys.
class NamespaceReconciler {
 public:
  NamespaceReconciler(ports::ObjectStore& store, const Clock& clock) : objects_(store, clock) {}
  Outcome Reconcile(const Key& key);

 private:
  // Deletes what was made while the namespace was being deleted; true when nothing is there.
  Result<bool> Clear(const std::string& resource, const std::string& namespace_);

  Objects objects_;
};

}  // namespace asya::reconcilers
