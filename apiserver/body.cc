#include "apiserver/body.h"

#include <algorithm>
#include <utility>

#include "apiserver/fields.h"
#include "apiserver/object.h"
#include "apiserver/protobuf.h"
#include "apiserver/reviews.h"
#include "core/json/parse.h"

namespace asya::apiserver {

std::string MediaTypeOf(const http::Request& request) {
  std::string type = request.headers.Get("Content-Type").value_or("");
  type.resize(std::min(type.find(';'), type.size()));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type;
}

bool IsApply(const http::Request& request) {
  return request.method == "PATCH" && MediaTypeOf(request) == "application/apply-patch+yaml";
}

Outcome<json::Value> DecodeJson(const Call& call) {
  if (call.request.body.empty()) return json::Value();
  json::ParseOptions options;
  options.depth_limit = kBodyDepthLimit;
  std::vector<std::string> duplicates;
  options.duplicate_paths = &duplicates;
  auto parsed = json::Parse(call.request.body, options);
  if (!parsed.ok()) return BadRequest("the body is " + parsed.error().message);
  return std::move(parsed).value();
}

namespace {

// By the media type; repeated fields of JSON go to `duplicates`.
Outcome<json::Value> DecodeBody(const Context& context, const Call& call, std::vector<std::string>& duplicates) {
  const std::string type = MediaTypeOf(call.request);
  const bool yaml = type == "application/yaml" && context.parse_yaml != nullptr;
  const bool protobuf = type == kProtobufType && (call.resource->group.empty() || IsReview(*call.resource));
  if (!yaml && !protobuf && !type.empty() && type != "application/json") {
    return UnsupportedMediaType("the body of the request was in an unknown format (" + type +
                                ") - accepted media types include: application/json" +
                                (context.parse_yaml == nullptr ? "" : ", application/yaml"));
  }
  json::ParseOptions options;
  options.depth_limit = kBodyDepthLimit;
  options.duplicate_paths = &duplicates;
  auto parsed = yaml       ? context.parse_yaml(call.request.body)
                : protobuf ? DecodeProtobufObject(call.request.body)
                           : json::Parse(call.request.body, options);
  if (!parsed.ok()) return BadRequest("the body is " + std::string(yaml ? "not YAML: " : "") + parsed.error().message);
  return std::move(parsed).value();
}

}  // namespace

Outcome<json::Value> DecodeObject(const Context& context, Call& call, const WriteOptions& options) {
  std::vector<std::string> duplicates;
  ASYA_TRY(json::Value object, DecodeBody(context, call, duplicates));
  if (!object.IsObject()) {
    return BadRequest(std::string("the body is of type ") + object.TypeName() + ", not an object");
  }
  std::vector<std::string> problems;
  problems.reserve(duplicates.size());
  for (const std::string& path : duplicates) problems.push_back("duplicate field \"" + path + "\"");
  ASYA_TRY([[maybe_unused]] const Done reported, ReportFields(call, options, problems));
  return object;
}

Outcome<Done> MatchUrl(const Call& call, json::Value& object) {
  const Resource& resource = *call.resource;
  const json::Value* metadata = object.Find("metadata");
  if (metadata != nullptr && !metadata->IsNull() && !metadata->IsObject()) {
    return BadRequest(std::string("metadata must be an object, not of type ") + metadata->TypeName());
  }
  const auto kind = object.GetString("kind");
  if (!kind || kind->empty()) return BadRequest("Object 'Kind' is missing in the body");
  const std::string version = object.GetString("apiVersion").value_or("");
  if (version != resource.ApiVersion()) {
    return BadRequest("the API version in the data (" + version + ") does not match the expected API version (" +
                      resource.ApiVersion() + ")");
  }
  if (*kind != resource.kind.kind) {
    return BadRequest("the kind in the data (" + *kind + ") does not match the expected kind (" + resource.kind.kind +
                      ")");
  }
  const std::string name = MetadataText(object, "name");
  if (!call.info.name.empty() && name != call.info.name) {
    return BadRequest("the name of the object (" + name + ") does not match the name on the URL (" + call.info.name +
                      ")");
  }
  if (!resource.kind.namespaced) return Done{};
  const std::string namespace_ = MetadataText(object, "namespace");
  if (!namespace_.empty() && namespace_ != call.info.namespace_) {
    return BadRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  MetadataOf(object)["namespace"] = call.info.namespace_;
  return Done{};
}

}  // namespace asya::apiserver
