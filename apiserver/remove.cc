#include "apiserver/remove.h"

#include <algorithm>
#include <utility>

#include "apiserver/namespaces.h"
#include "apiserver/object.h"

namespace asya::apiserver {
namespace {

constexpr int kAttempts = 5;  // against writers that come in between

Outcome<Done> CheckPreconditions(const Call& call, const ports::Record& record, const RemoveOptions& options) {
  const std::string prefix = "Precondition failed: ";
  if (options.uid && *options.uid != record.uid) {
    return Conflict(*call.resource, call.info.name,
                    prefix + "UID in precondition: " + *options.uid + ", UID in object meta: " + record.uid);
  }
  if (options.revision && *options.revision != record.revision.get()) {
    return Conflict(*call.resource, call.info.name,
                    prefix + "ResourceVersion in precondition: " + std::to_string(*options.revision) +
                        ", ResourceVersion in object meta: " + std::to_string(record.revision.get()));
  }
  return Done{};
}

// Foreground and orphan are finalizers, which the garbage collector removes when the dependents are gone or let go.
void SetPropagation(json::Value& object, Propagation propagation) {
  constexpr const char* kForeground = "foregroundDeletion";
  constexpr const char* kOrphan = "orphan";
  if (propagation == Propagation::kDefault) return;
  const std::vector<std::string> present = FinalizersOf(object);
  std::vector<std::string> kept;
  for (const std::string& finalizer : present) {
    if (finalizer != kForeground && finalizer != kOrphan) kept.push_back(finalizer);
  }
  if (propagation == Propagation::kForeground) kept.push_back(kForeground);
  if (propagation == Propagation::kOrphan) kept.push_back(kOrphan);
  if (std::is_permutation(kept.begin(), kept.end(), present.begin(), present.end())) return;
  if (kept.empty()) {
    MetadataOf(object).AsObject().erase("finalizers");
  } else {
    MetadataOf(object)["finalizers"] = json::Array(kept.begin(), kept.end());
  }
}

json::Value MarkedForDeletion(const Context& context, const Call& call, json::Value object) {
  json::Value& metadata = MetadataOf(object);
  metadata["deletionTimestamp"] = FormatRfc3339(context.clock.Now());
  metadata["deletionGracePeriodSeconds"] = 0;
  if (!call.resource->group.empty()) metadata["generation"] = metadata.GetInt("generation").value_or(0) + 1;
  if (call.resource == &Namespaces()) object["status"]["phase"] = "Terminating";
  return object;
}

// Whether the object has to stay for now: a finalizer holds it, or a namespace, which is emptied in any case, has
// something in it yet.
Outcome<bool> MustWait(const Context& context, const Call& call, const json::Value& object, bool dry_run) {
  const bool held = !FinalizersOf(object).empty();
  if (call.resource != &Namespaces() || dry_run) return held;
  ASYA_TRY(const bool empty, EmptyNamespace(context, call, call.info.name));
  return held || !empty;
}

// Stores the mark; `unchanged` names what is stored from then on.
Outcome<ports::Record> Mark(const Context& context, const Call& call, const json::Value& marked,
                            ports::Precondition& unchanged, bool& raced) {
  auto updated = context.store.Update(RecordOf(*call.resource, marked), unchanged, call.Author());
  raced = !updated.ok() && updated.error().code == ErrorCode::kConflict;
  if (!updated.ok()) return FromStore(updated.error(), *call.resource, call.info.name);
  unchanged.revision = updated->revision;
  return std::move(updated).value();
}

// Deletes what nothing holds any more.
Outcome<Removed> Take(const Context& context, const Call& call, const ports::Precondition& unchanged, bool was_marked,
                      Removed removed, bool& raced) {
  const auto deleted = context.store.Delete(call.Key(), unchanged, call.Author());
  raced = !deleted.ok() && deleted.error().code == ErrorCode::kConflict;
  // A namespace may have gone already with the last object in it.
  if (was_marked && !deleted.ok() && deleted.error().code == ErrorCode::kNotFound) return removed;
  if (!deleted.ok()) return FromStore(deleted.error(), *call.resource, call.info.name);
  removed.bytes = BytesOf(*deleted);
  FinishNamespace(context, call, call.resource->kind.namespaced ? call.info.namespace_ : std::string());
  return removed;
}

Outcome<Removed> TryRemove(const Context& context, const Call& call, const RemoveOptions& options, bool& raced) {
  const auto record = context.store.Get(call.Key());
  if (!record.ok()) return FromStore(record.error(), *call.resource, call.info.name);
  ASYA_TRY([[maybe_unused]] const Done met, CheckPreconditions(call, *record, options));
  ASYA_TRY(json::Value object, StoredObjectOf(*record));
  const bool deleting = IsDeleting(object);
  Removed removed{false, BytesOf(*record), record->uid};
  const bool is_namespace = call.resource == &Namespaces();
  const std::vector<std::string> held_by = FinalizersOf(object);
  // What is in a namespace goes with it, whatever its owners.
  if (!is_namespace) SetPropagation(object, options.propagation);
  const std::vector<std::string> finalizers = FinalizersOf(object);
  const bool news = !deleting || finalizers != held_by;
  if (!news && !finalizers.empty() && !is_namespace) return removed;
  const json::Value marked = deleting ? object : MarkedForDeletion(context, call, object);
  // A namespace is marked first, so that nothing new comes while it is emptied.
  const bool mark = news && !options.dry_run && (is_namespace || !finalizers.empty());
  ports::Precondition unchanged{record->revision, std::nullopt};
  if (mark) {
    ASYA_TRY(const ports::Record updated, Mark(context, call, marked, unchanged, raced));
    removed.bytes = BytesOf(updated);
  }
  ASYA_TRY(const bool wait, MustWait(context, call, object, options.dry_run));
  if (wait && options.dry_run) {
    json::Value shown = marked;
    MetadataOf(shown)["resourceVersion"] = std::to_string(record->revision.get());
    removed.bytes = json::Dump(shown);
  }
  if (wait) return removed;
  removed.gone = true;
  if (options.dry_run) return removed;
  return Take(context, call, unchanged, mark, std::move(removed), raced);
}

}  // namespace

Outcome<Removed> Remove(const Context& context, const Call& call, const RemoveOptions& options) {
  for (int attempt = 1;; ++attempt) {
    bool raced = false;
    auto removed = TryRemove(context, call, options, raced);
    if (!raced || attempt == kAttempts) return removed;
  }
}

}  // namespace asya::apiserver
