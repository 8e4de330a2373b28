#include <utility>

#include "apiserver/body.h"
#include "apiserver/fields.h"
#include "apiserver/object.h"
#include "apiserver/patch_body.h"
#include "apiserver/verbs.h"
#include "apiserver/write.h"

namespace asya::apiserver {
namespace {

constexpr int kPatchAttempts = 5;  // against writers that come in between

}  // namespace

Outcome<http::Response> PatchObject(const Context& context, Call& call) {
  if (IsApply(call.request)) return ApplyObject(context, call);
  ASYA_TRY(const WriteOptions options, ParseWriteOptions(call.request, "PatchOptions"));
  ASYA_TRY(const PatchBody patch, PatchBody::Decode(call));
  std::vector<std::string> problems;
  for (const std::string& path : patch.duplicates()) problems.push_back("duplicate field \"" + path + "\"");
  ASYA_TRY([[maybe_unused]] const Done reported, ReportFields(call, options, problems));
  const Part part = call.info.subresource == "status" ? Part::kStatus : Part::kSpec;
  for (int attempt = 1; attempt <= kPatchAttempts; ++attempt) {
    const auto record = context.store.Get(call.Key());
    if (!record.ok()) return FromStore(record.error(), *call.resource, call.info.name);
    ASYA_TRY(json::Value live, ObjectOf(*record));
    ASYA_TRY(json::Value object, patch.Apply(call, std::move(live)));
    ASYA_TRY([[maybe_unused]] const Done matched, MatchUrl(call, object));
    ASYA_TRY(const Written written, Write(context, call, options, *record, std::move(object), part));
    if (!written.raced) return AnswerObject(context, call, 200, written.bytes);
  }
  return Modified(*call.resource, call.info.name);
}

}  // namespace asya::apiserver
