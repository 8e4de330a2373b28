#include <utility>

#include "apiserver/body.h"
#include "apiserver/object.h"
#include "apiserver/verbs.h"
#include "apiserver/write.h"

namespace asya::apiserver {
namespace {

constexpr int kAttempts = 5;  // against writers that come in between

}  // namespace

Outcome<http::Response> UpdateObject(const Context& context, Call& call) {
  ASYA_TRY(const WriteOptions options, ParseWriteOptions(call.request, "UpdateOptions"));
  ASYA_TRY(json::Value object, DecodeObject(context, call, options));
  ASYA_TRY([[maybe_unused]] const Done matched, MatchUrl(call, object));
  // Those of core/v1 may be replaced without having been read, and Helm does.
  const bool whatever_is_there = MetadataText(object, "resourceVersion").empty();
  if (whatever_is_there && !call.resource->group.empty()) {
    const auto record = context.store.Get(call.Key());
    if (!record.ok()) return FromStore(record.error(), *call.resource, call.info.name);
    return Invalid(
        *call.resource, call.info.name,
        {{"metadata.resourceVersion", "FieldValueInvalid", "Invalid value: 0: must be specified for an update"}});
  }
  const Part part = call.info.subresource == "status" ? Part::kStatus : Part::kSpec;
  for (int attempt = 1;; ++attempt) {
    const auto record = context.store.Get(call.Key());
    if (!record.ok()) return FromStore(record.error(), *call.resource, call.info.name);
    ASYA_TRY(const Written written, Write(context, call, options, *record, object, part));
    if (!written.raced) return AnswerObject(context, call, 200, written.bytes);
    if (!whatever_is_there || attempt == kAttempts) return Modified(*call.resource, call.info.name);
  }
}

}  // namespace asya::apiserver
