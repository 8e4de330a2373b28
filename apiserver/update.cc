#include <utility>

#include "apiserver/body.h"
#include "apiserver/object.h"
#include "apiserver/verbs.h"
#include "apiserver/write.h"

namespace asya::apiserver {

Outcome<http::Response> UpdateObject(const Context& context, Call& call) {
  ASYA_TRY(const WriteOptions options, ParseWriteOptions(call.request, "UpdateOptions"));
  ASYA_TRY(json::Value object, DecodeObject(context, call, options));
  ASYA_TRY([[maybe_unused]] const Done matched, MatchUrl(call, object));
  const auto record = context.store.Get(call.Key());
  if (!record.ok()) return FromStore(record.error(), *call.resource, call.info.name);
  if (MetadataText(object, "resourceVersion").empty()) {
    return Invalid(
        *call.resource, call.info.name,
        {{"metadata.resourceVersion", "FieldValueInvalid", "Invalid value: 0: must be specified for an update"}});
  }
  const Part part = call.info.subresource == "status" ? Part::kStatus : Part::kSpec;
  ASYA_TRY(const Written written, Write(context, call, options, *record, std::move(object), part));
  if (written.raced) return Modified(*call.resource, call.info.name);
  return AnswerObject(context, call, 200, written.bytes);
}

}  // namespace asya::apiserver
