#include "apiserver/create.h"

#include <utility>

#include "apiserver/body.h"
#include "apiserver/namespaces.h"
#include "apiserver/object.h"
#include "apiserver/prepare.h"
#include "apiserver/verbs.h"

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
Outcome<http::Response> DryRun(const Context& context, const Call& call, const json::Value& object) {
  const auto existing = context.store.Get(KeyOf(*call.resource, call.info.namespace_, MetadataText(object, "name")));
  if (existing.ok()) return AlreadyExists(*call.resource, MetadataText(object, "name"));
  if (existing.error().code != ErrorCode::kNotFound) return FromStore(existing.error(), *call.resource, "");
  return AnswerObject(context, call, 201, json::Dump(object));
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
    if (options.dry_run) return DryRun(context, call, prepared);
    const std::string name = MetadataText(prepared, "name");
    const auto record = context.store.Create(RecordOf(*call.resource, std::move(prepared)), call.Author());
    if (record.ok()) return Created(context, call, *record);
    StatusError error = FromStore(record.error(), *call.resource, name);
    if (record.error().code != ErrorCode::kExists || !generated) return error;
    error.retry_after_s = 1;
    if (attempt == kGeneratedNameAttempts) return error;
  }
}

}  // namespace asya::apiserver
