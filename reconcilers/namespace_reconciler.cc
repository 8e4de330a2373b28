#include "reconcilers/namespace_reconciler.h"

namespace asya::reconcilers {

Outcome NamespaceReconciler::Reconcile(const Key& key) {
  const auto space = objects_.Get(kNamespaces, "", key.name);
  if (!space.ok()) return Failed{space.error()};
  if (!*space || !IsBeingDeleted((*space)->object)) return Settled{};
  bool empty = true;
  for (const char* resource : {kActors, kFlows, kSecrets}) {
    const auto cleared = Clear(resource, key.name);
    if (!cleared.ok()) return Failed{cleared.error()};
    empty = empty && *cleared;
  }
  if (!empty) return Settled{};  // the change of an object brings this key again
  const auto removed = objects_.Delete(**space);
  if (!removed.ok()) return Failed{removed.error()};
  return Settled{};
}

Result<bool> NamespaceReconciler::Clear(const std::string& resource, const std::string& namespace_) {
  ASYA_TRY(const auto found, objects_.List(resource, namespace_));
  for (const auto& object : found) {
    // System actors, which come and go with the others, have their own reconciler.
    if (IsBeingDeleted(object.object) || IsSystem(object.object)) continue;
    ASYA_TRY_STATUS(objects_.Delete(object));
  }
  return found.empty();
}

}  // namespace asya::reconcilers
