#include "webhooks/review.h"

#include <utility>

#include "core/base/base64.h"
#include "core/json/parse.h"

namespace asya::webhooks {
namespace {

constexpr const char* kVersion = "admission.k8s.io/v1";
constexpr const char* kKind = "AdmissionReview";
constexpr std::size_t kWarningsMax = 16;  // kube-apiserver shows 4 KiB of all of them

std::string TextAt(const json::Value& object, std::string_view field) { return object.GetString(field).value_or(""); }

}  // namespace

Result<Review> ParseReview(std::string_view body) {
  if (body.size() > kReviewBytesMax) {
    return Fail(ErrorCode::kTooLarge, "the review has " + std::to_string(body.size()) + " bytes; at most " +
                                          std::to_string(kReviewBytesMax) + " are accepted");
  }
  auto parsed = json::Parse(body);
  if (!parsed.ok()) return Invalid("", "the body is no JSON: " + parsed.error().message);
  json::Value& document = *parsed;
  const std::string version = TextAt(document, "apiVersion");
  const std::string kind = TextAt(document, "kind");
  if (version != kVersion || kind != kKind) {
    return Invalid("apiVersion", "got " + json::Quote(version) + " " + json::Quote(kind) + "; " + kVersion + " " +
                                     kKind + " is accepted: set admissionReviewVersions: [v1]");
  }
  json::Value* request = document.Find("request");
  if (request == nullptr || !request->IsObject()) return Invalid("request", "Required value");
  Review review;
  review.uid = TextAt(*request, "uid");
  if (review.uid.empty()) return Invalid("request.uid", "Required value");
  review.operation = TextAt(*request, "operation");
  if (const json::Value* resource = request->Find("resource")) {
    review.group = TextAt(*resource, "group");
    review.version = TextAt(*resource, "version");
    review.resource = TextAt(*resource, "resource");
  }
  review.subresource = TextAt(*request, "subResource");
  review.namespace_ = TextAt(*request, "namespace");
  review.name = TextAt(*request, "name");
  review.dry_run = request->GetBool("dryRun").value_or(false);
  if (json::Value* object = request->Find("object")) review.object = std::move(*object);
  if (json::Value* old = request->Find("oldObject")) review.old_object = std::move(*old);
  return review;
}

Verdict Refusal(const Error& error) {
  const std::string message = error.field.empty() ? error.message : error.field + ": " + error.message;
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimeout:
    case ErrorCode::kClosed:
    case ErrorCode::kTooMany:
      return {false, 503, "ServiceUnavailable", message};
    case ErrorCode::kInternal:
      return {false, 500, "InternalError", message};
    case ErrorCode::kInvalid:
    case ErrorCode::kNotFound:
    case ErrorCode::kExists:
    case ErrorCode::kConflict:
    case ErrorCode::kExpired:
    case ErrorCode::kForbidden:
    case ErrorCode::kUnauthorized:
    case ErrorCode::kTooLarge:
    case ErrorCode::kUnroutable:
      return {false, 422, "Invalid", message};
  }
  return {false, 500, "InternalError", message};
}

std::string RenderReview(const std::string& uid, const Verdict& verdict) {
  json::Object response{{"uid", uid}, {"allowed", verdict.allowed}};
  if (!verdict.allowed) {
    response["status"] = json::Object{
        {"status", "Failure"}, {"code", verdict.code}, {"reason", verdict.reason}, {"message", verdict.message}};
  } else if (!verdict.patch.empty()) {
    response["patchType"] = "JSONPatch";
    response["patch"] = EncodeBase64(json::Dump(verdict.patch));
  }
  json::Array warnings;
  for (const std::string& warning : verdict.warnings) {
    if (warnings.size() < kWarningsMax) warnings.emplace_back(warning);
  }
  if (!warnings.empty()) response["warnings"] = std::move(warnings);
  return json::Dump(json::Object{{"apiVersion", kVersion}, {"kind", kKind}, {"response", std::move(response)}});
}

}  // namespace asya::webhooks
