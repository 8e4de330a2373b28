#include "apiserver/create.h"

#include <utility>

#include "apiserver/body.h"
#include "apiserver/namespaces.h"
#include "apiserver/object.h"
#include "apiserver/prepare.h"
#include "apiserver/verbs.h"
#include "apiserver/write.h"

namespace asya::apiserver {
namespace {

constexpr int kGeneratedNameAttempts = 8;

StatusError RevisionOnCreate() {
  StatusError error;
  error.message = "Internal error occurred: resourceVersion should not be set on objects to be created";
  return error;
}

Outcome<http::Response> Created(const Context& context, const Call& call, const ports::Record& record) {
  return AnswerObject(context, call, 201, BytesOf(record));
}

// The answer of a dry run has no resourceVersion: that is how clients tell that nothing was created.
Outcome<http::Response> DryRun(const Context& context, const Call& call, const ports::Record& record) {
  const auto existing = context.store.Get(record.key);
  if (existing.ok()) return AlreadyExists(*call.resource, record.key.name);
  if (existing.error().code != ErrorCode::kNotFound) return FromStore(existing.error(), *call.resource, "");
  return AnswerObject(context, call, 201, *record.json);
}

}  // namespace

Outcome<http::Response> CreateObject(const Context& context, Call& call) {
  ASYA_TRY(const WriteOptions options, ParseWriteOptions(call.request, "CreateOptions"));
  ASYA_TRY(json::Value object, DecodeObject(context, call, options));
  ASYA_TRY([[maybe_unused]] const Done matched, MatchUrl(call, object));
  if (!MetadataText(object, "resourceVersion").empty()) return RevisionOnCreate();
  return CreateFrom(context, call, options, std::move(object), Ownership::kTracked);
}

Outcome<http::Response> CreateFrom(const Context& context, Call& call, const WriteOptions& options, json::Value object,
                                   Ownership ownership) {
  ASYA_TRY([[maybe_unused]] const Done exists, CheckNamespace(context, call, object));
  if (call.resource == &Namespaces()) CompleteNamespace(object);
  const bool generated = MetadataText(object, "name").empty();
  for (int attempt = 1;; ++attempt) {
    ASYA_TRY(json::Value prepared, PrepareCreate(context, call, options, object, ownership));
    ports::Record record = RecordOf(*call.resource, std::move(prepared));
    ASYA_TRY([[maybe_unused]] const Done fits, CheckSize(record));
    if (options.dry_run) return DryRun(context, call, record);
    const std::string name = record.key.name;
    const auto stored = context.store.Create(std::move(record), call.Author());
    if (stored.ok()) return Created(context, call, *stored);
    StatusError error = FromStore(stored.error(), *call.resource, name);
    if (stored.error().code != ErrorCode::kExists || !generated) return error;
    error.retry_after_s = 1;
    if (attempt == kGeneratedNameAttempts) return error;
  }
}

}  // namespace asya::apiserver
