#include "reconcilers/garbage_collector.h"

#include <algorithm>
#include <set>
#include <utility>

namespace asya::reconcilers {
namespace {

// While the index does not know all dependents yet, at the start.
constexpr std::chrono::milliseconds kIndexPoll{100};

bool HasFinalizer(const json::Value& object, const char* finalizer) {
  const json::Value* list = object.FindPath({"metadata", "finalizers"});
  if (list == nullptr || !list->IsArray()) return false;
  return std::find(list->AsArray().begin(), list->AsArray().end(), json::Value(finalizer)) != list->AsArray().end();
}

// Whether `object` keeps the deletion of its owner `uid` waiting.
bool Blocks(const Stored& object, const std::string& uid) {
  for (const OwnerReference& owner : OwnersOf(object.object, object.record.key.namespace_)) {
    if (owner.uid == uid && owner.blocks) return true;
  }
  return false;
}

bool Owns(const std::string& uid, const Stored& object) {
  for (const OwnerReference& owner : OwnersOf(object.object, object.record.key.namespace_)) {
    if (owner.uid == uid) return true;
  }
  return false;
}

Outcome OutcomeOf(const Status& status) { return status.ok() ? Outcome(Settled{}) : Outcome(Failed{status.error()}); }

}  // namespace

Key CollectorKey(const ports::ObjectKey& object) { return Key{object.namespace_, object.resource + "/" + object.name}; }

Outcome GarbageCollector::Reconcile(const Key& key) {
  const std::size_t slash = key.name.find('/');
  const auto object = objects_.Get(key.name.substr(0, slash), key.namespace_, key.name.substr(slash + 1));
  if (!object.ok()) return Failed{object.error()};
  if (!*object) return Settled{};
  if (!IsBeingDeleted((*object)->object)) return OutcomeOf(Collect(**object));
  const bool orphan = HasFinalizer((*object)->object, kOrphanFinalizer);
  if (!orphan && !HasFinalizer((*object)->object, kForegroundFinalizer)) return Settled{};
  if (!index_.Complete(resources_)) return RequeueAfter{kIndexPoll};
  return orphan ? LetGo(**object) : DeleteForeground(**object);
}

Result<GarbageCollector::Owner> GarbageCollector::LookAtOwner(const OwnerReference& reference) {
  if (!reference.key) return Owner::kThere;
  ASYA_TRY(const auto owner, Get(*reference.key));
  // Another object of that name is not the owner.
  if (!owner || owner->record.uid != reference.uid) return Owner::kGone;
  const bool waiting = IsBeingDeleted(owner->object) && HasFinalizer(owner->object, kForegroundFinalizer);
  return waiting ? Owner::kWaiting : Owner::kThere;
}

Status GarbageCollector::DropOwners(const Stored& object, const std::function<bool(const std::string& uid)>& drop) {
  json::Value changed = object.object;
  json::Value* list = changed["metadata"].Find("ownerReferences");
  if (list == nullptr || !list->IsArray()) return Ok();
  std::erase_if(list->AsArray(), [&](const json::Value& item) { return drop(item.GetString("uid").value_or("")); });
  if (list->AsArray().empty()) changed["metadata"].AsObject().erase("ownerReferences");
  const auto written = objects_.Write(object, std::move(changed));
  return written.ok() ? Ok() : Status(written.error());
}

// One owner that is there keeps an object; the references to the others go. With none it is deleted.
Status GarbageCollector::Collect(const Stored& object) {
  std::set<std::string> left;
  bool kept = false;
  bool waited_for = false;
  const auto owners = OwnersOf(object.object, object.record.key.namespace_);
  // A namespace goes by its own deletion only, which empties it first.
  if (owners.empty() || object.record.key.resource == kNamespaces) return Ok();
  for (const OwnerReference& reference : owners) {
    ASYA_TRY(const Owner owner, LookAtOwner(reference));
    kept = kept || owner == Owner::kThere;
    waited_for = waited_for || owner == Owner::kWaiting;
    if (owner != Owner::kThere) left.insert(reference.uid);
  }
  if (kept && left.empty()) return Ok();
  if (kept) return DropOwners(object, [&](const std::string& uid) { return left.contains(uid); });
  const bool foreground = waited_for && !index_.DependentsOf(object.record.uid).empty() &&
                          !HasFinalizer(object.object, kForegroundFinalizer);
  if (!foreground) return objects_.Delete(object);
  // Whoever waits for this object waits for its dependents too.
  json::Value held = object.object;
  json::Value& finalizers = held["metadata"]["finalizers"];
  if (!finalizers.IsArray()) finalizers = json::Array{};
  finalizers.AsArray().push_back(kForegroundFinalizer);
  ASYA_TRY(const Stored written, objects_.Write(object, std::move(held)));
  return objects_.Delete(written);
}

// A dependent that has gone brings the owner's key again.
Outcome GarbageCollector::DeleteForeground(const Stored& owner) {
  bool blocked = false;
  for (const ports::ObjectKey& key : index_.DependentsOf(owner.record.uid)) {
    const auto dependent = Get(key);
    if (!dependent.ok()) return Failed{dependent.error()};
    if (!*dependent || !Owns(owner.record.uid, **dependent)) continue;
    blocked = blocked || Blocks(**dependent, owner.record.uid);
    if (IsBeingDeleted((*dependent)->object)) continue;
    const Status collected = Collect(**dependent);
    if (!collected.ok() && collected.error().code != ErrorCode::kNotFound) return Failed{collected.error()};
  }
  return blocked ? Outcome(Settled{}) : OutcomeOf(objects_.RemoveFinalizer(owner, kForegroundFinalizer));
}

Outcome GarbageCollector::LetGo(const Stored& owner) {
  const std::string& gone = owner.record.uid;
  for (const ports::ObjectKey& key : index_.DependentsOf(gone)) {
    const auto dependent = Get(key);
    if (!dependent.ok()) return Failed{dependent.error()};
    if (!*dependent) continue;
    const Status dropped = DropOwners(**dependent, [&](const std::string& uid) { return uid == gone; });
    if (!dropped.ok() && dropped.error().code != ErrorCode::kNotFound) return Failed{dropped.error()};
  }
  return OutcomeOf(objects_.RemoveFinalizer(owner, kOrphanFinalizer));
}

}  // namespace asya::reconcilers
