#include "apiserver/write.h"

#include <utility>

#include "apiserver/namespaces.h"
#include "apiserver/object.h"

namespace asya::apiserver {
namespace {

Outcome<Written> Store(const Context& context, const Call& call, const ports::Record& record, json::Value object,
                       Part part) {
  const ports::Precondition unchanged{record.revision, record.uid};
  Result<ports::Record> stored = Fail(ErrorCode::kInternal, "");
  if (IsDeleting(object) && FinalizersOf(object).empty() && call.resource != &Namespaces()) {
    // It waited only for its finalizers.
    stored = context.store.Delete(record.key, unchanged, call.Author());
    if (stored.ok()) {
      FinishNamespace(context, call, record.key.namespace_);
      ports::Record last = RecordOf(*call.resource, std::move(object));
      last.revision = stored->revision;
      return Written{BytesOf(last), false};
    }
  } else {
    stored =
        context.store.Update(RecordOf(*call.resource, std::move(object)), unchanged, call.Author(part == Part::kSpec));
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
  if (options.dry_run) {
    MetadataOf(prepared)["resourceVersion"] = std::to_string(record.revision.get());
    return Written{json::Dump(prepared), false};
  }
  return Store(context, call, record, std::move(prepared), part);
}

}  // namespace asya::apiserver
