#include "apiserver/write.h"

#include <utility>

#include "apiserver/namespaces.h"
#include "apiserver/object.h"

namespace asya::apiserver {
namespace {

// The next state of an object.
struct Change {
  ports::Record record;
  bool deleting = false;
  std::size_t finalizers = 0;
};

Change ChangeTo(const Resource& resource, json::Value object) {
  const bool deleting = IsDeleting(object);
  const std::size_t finalizers = FinalizersOf(object).size();
  return {RecordOf(resource, std::move(object)), deleting, finalizers};
}

// What is too large already may shrink, and go.
Outcome<Done> CheckGrowth(const Change& change, const ports::Record& old, std::size_t old_finalizers) {
  const bool shrinks = change.record.json->size() <= old.json->size();
  const bool goes = change.deleting && (change.finalizers == 0 || change.finalizers < old_finalizers);
  return shrinks || goes ? Outcome<Done>(Done{}) : CheckSize(change.record);
}

Outcome<Written> Store(const Context& context, const Call& call, const ports::Record& old, Change change, Part part) {
  const ports::Precondition unchanged{old.revision, old.uid};
  Result<ports::Record> stored = Fail(ErrorCode::kInternal, "");
  if (change.deleting && change.finalizers == 0 && call.resource != &Namespaces()) {
    // It waited only for its finalizers.
    stored = context.store.Delete(old.key, unchanged, call.Author());
    if (stored.ok()) {
      FinishNamespace(context, call, old.key.namespace_);
      change.record.revision = stored->revision;
      return Written{BytesOf(change.record), false};
    }
  } else {
    const bool last_finalizer = change.deleting && change.finalizers == 0;
    stored = context.store.Update(std::move(change.record), unchanged, call.Author(part == Part::kSpec));
    if (stored.ok() && last_finalizer) FinishNamespace(context, call, old.key.name);
    if (stored.ok()) return Written{BytesOf(*stored), false};
  }
  if (stored.error().code == ErrorCode::kConflict) return Written{{}, true};
  return FromStore(stored.error(), *call.resource, call.info.name);
}

}  // namespace

Outcome<Written> Write(const Context& context, Call& call, const WriteOptions& options, const ports::Record& record,
                       json::Value object, Part part, Ownership ownership) {
  const std::string revision = MetadataText(object, "resourceVersion");
  if (!revision.empty() && revision != std::to_string(record.revision.get())) {
    return Modified(*call.resource, call.info.name);
  }
  ASYA_TRY(const json::Value old, StoredObjectOf(record));
  ASYA_TRY(json::Value prepared, PrepareUpdate(context, call, options, old, std::move(object), part, ownership));
  if (prepared == old) return Written{BytesOf(record), false};
  Change change = ChangeTo(*call.resource, std::move(prepared));
  ASYA_TRY([[maybe_unused]] const Done fits, CheckGrowth(change, record, FinalizersOf(old).size()));
  if (options.dry_run) {
    change.record.revision = record.revision;
    return Written{BytesOf(change.record), false};
  }
  return Store(context, call, record, std::move(change), part);
}

Outcome<Done> CheckSize(const ports::Record& record) {
  if (record.json->size() <= kStoredBytesMax) return Done{};
  return TooLarge("the object would be " + std::to_string(record.json->size()) + " bytes; at most " +
                  std::to_string(kStoredBytesMax) + " (3 MiB) are stored");
}

}  // namespace asya::apiserver
