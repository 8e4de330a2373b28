#include "reconcilers/namespace_reconciler.h"

namespace asya::reconcilers {

Outcome NamespaceReconciler::Reconcile(const Key& key) {
  const auto space = objects_.Get(kNamespaces, "", key.name);
  if (!space.ok()) return Failed{space.error()};
  if (!*space || !IsBeingDeleted((*space)->object)) return Settled{};
  bool empty = true;
  for (const char* resource : {kActors, kFlows}) {
    const auto found = objects_.List(resource, key.name);
    if (!found.ok()) return Failed{found.error()};
    empty = empty && found->empty();
    for (const auto& object : *found) {
      // Made meanwhile, as system actors are while an actor still drains.
      if (IsBeingDeleted(object.object) || IsSystem(object.object)) continue;
      const auto deleted = objects_.Delete(object);
      if (!deleted.ok()) return Failed{deleted.error()};
    }
  }
  if (!empty) return Settled{};  // the change of an object brings this key again
  const auto removed = objects_.Delete(**space);
  if (!removed.ok()) return Failed{removed.error()};
  return Settled{};
}

}  // namespace asya::reconcilers
