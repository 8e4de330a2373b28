#include <utility>
#include <vector>

#include "apiserver/documents.h"
#include "apiserver/negotiate.h"
#include "apiserver/openapi.h"
#include "apiserver/openapi_v2.h"
#include "apiserver/resource.h"

namespace asya::apiserver {
namespace {

constexpr const char* kProtobufV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
// What clients ask for, though "@" may not stand in a media type: they refuse it in an answer.
constexpr const char* kOldProtobufV2 = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
constexpr const char* kYear = "31536000";  // seconds

http::Response ServeVersion(const Document& document, const std::string& path, const http::Request& request) {
  const std::string asked = request.Query("hash").value_or("");
  if (!asked.empty() && asked != document.hash) {
    http::Response moved;
    moved.status = 301;
    moved.headers.Set("Location", "/openapi/v3/" + path + "?hash=" + document.hash);
    return moved;
  }
  http::Response response = Serve(document, request);
  if (asked.empty()) {
    // Without the hash the same URL may say something else after an upgrade.
    response.headers.Set("Cache-Control", "no-cache, private");
  } else {
    response.headers.Set("Cache-Control", std::string("public, immutable, max-age=") + kYear);
  }
  return response;
}

}  // namespace

OpenApi::OpenApi(bool own_group_alone) {
  json::Object index;
  std::vector<json::Value> documents;
  for (const Resource& resource : Resources()) {
    if (own_group_alone && resource.group != model::kGroup) continue;
    const std::string path = resource.group.empty() ? "api/v1" : "apis/" + resource.ApiVersion();
    if (versions_.contains(path)) continue;
    documents.push_back(GroupVersionDocument(resource.group, resource.version));
    Document document = MakeDocument(json::Dump(documents.back()));
    index[path] = json::Object{{"serverRelativeURL", "/openapi/v3/" + path + "?hash=" + document.hash}};
    versions_[path] = std::move(document);
  }
  index_ = MakeDocument(json::Dump(json::Object{{"paths", std::move(index)}}));
  const json::Value swagger = ToSwagger(documents);
  v2_ = MakeDocument(json::Dump(swagger));
  v2_protobuf_ = MakeDocument(EncodeSwagger(swagger), kProtobufV2);
}

std::optional<Outcome<http::Response>> OpenApi::Handle(const http::Request& request) const {
  constexpr std::string_view kPrefix = "/openapi/v3";
  const std::string& path = request.path;
  if (path.rfind("/openapi/", 0) != 0) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    return Outcome<http::Response>(MethodNotAllowed(request.method));
  }
  const std::string accept = request.headers.Get("Accept").value_or("");
  if (path == "/openapi/v2") {
    const auto type = FirstAccepted(accept, {"application/json", kProtobufV2, kOldProtobufV2});
    if (!type) return Outcome<http::Response>(NotAcceptable(std::string("application/json, ") + kProtobufV2));
    return Outcome<http::Response>(Serve(*type == "application/json" ? v2_ : v2_protobuf_, request));
  }
  if (!AcceptsJson(accept)) return Outcome<http::Response>(NotAcceptable("application/json"));
  if (path == kPrefix) return Outcome<http::Response>(Serve(index_, request));
  if (path.rfind(std::string(kPrefix) + "/", 0) == 0) {
    const auto found = versions_.find(path.substr(kPrefix.size() + 1));
    if (found != versions_.end()) {
      return Outcome<http::Response>(ServeVersion(found->second, found->first, request));
    }
  }
  return Outcome<http::Response>(PathNotFound());
}

}  // namespace asya::apiserver
