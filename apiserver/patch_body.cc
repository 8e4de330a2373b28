#include "apiserver/patch_body.h"

#include <utility>

#include "apiserver/body.h"
#include "core/json/merge_patch.h"
#include "core/json/parse.h"

namespace asya::apiserver {
namespace {

StatusError Unsupported(const std::string& type) {
  std::string message = "the body of the request was in an unknown format (" + type +
                        ") - accepted media types include: application/json-patch+json, application/merge-patch+json, "
                        "application/apply-patch+yaml";
  return UnsupportedMediaType(std::move(message));
}

}  // namespace

Outcome<PatchBody> PatchBody::Decode(const Call& call) {
  const std::string type = MediaTypeOf(call.request);
  const bool operations = type == "application/json-patch+json";
  if (!operations && type != "application/merge-patch+json") return Unsupported(type);
  PatchBody body;
  json::ParseOptions options;
  options.depth_limit = kBodyDepthLimit;
  options.duplicate_paths = &body.duplicates_;
  auto document = json::Parse(call.request.body, options);
  if (!document.ok()) return BadRequest("error decoding patch: the body is " + document.error().message);
  if (operations) {
    auto parsed = json::ParseJsonPatch(*document);
    if (!parsed.ok() && parsed.error().code == ErrorCode::kTooLarge) return TooLarge(parsed.error().message);
    if (!parsed.ok()) return BadRequest("error decoding patch: " + parsed.error().message);
    body.patch_ = std::move(parsed).value();
    body.duplicates_.clear();
    return body;
  }
  if (!document->IsObject()) return BadRequest("error decoding patch: a merge patch of an object is an object");
  body.patch_ = std::move(document).value();
  return body;
}

Outcome<json::Value> PatchBody::Apply(const Call& call, json::Value target) const {
  if (const auto* merge = std::get_if<json::Value>(&patch_)) {
    json::MergePatch(target, *merge);
    return target;
  }
  auto patched = json::ApplyJsonPatch(std::move(target), std::get<std::vector<json::PatchOperation>>(patch_),
                                      kBodyDepthLimit);
  const auto refuse = [&](const std::string& why) {
    StatusError error = Invalid(*call.resource, call.info.name, {{"", "FieldValueInvalid", why}});
    error.message = "the server rejected our request due to an error in our request: " + why;
    return error;
  };
  if (!patched.ok() && patched.error().code == ErrorCode::kTooLarge) return TooLarge(patched.error().message);
  if (!patched.ok()) return refuse(patched.error().message);
  if (!patched->IsObject()) return refuse("the patched document is no object");
  return std::move(patched).value();
}

}  // namespace asya::apiserver
