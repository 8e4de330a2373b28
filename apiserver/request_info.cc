#include "apiserver/request_info.h"

#include <utility>
#include <vector>

#include "core/base/utf8.h"
#include "core/http/target.h"

namespace asya::apiserver {
namespace {

// A trailing slash is tolerated; an empty segment within is not.
std::optional<std::vector<std::string>> Segments(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    if (path[0] != '/') return std::nullopt;
    path.remove_prefix(1);
    const std::size_t slash = path.find('/');
    auto segment = http::PercentDecode(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
    if (!segment || segment->find('\0') != std::string::npos || !IsUtf8(*segment)) return std::nullopt;
    if (segment->empty() && !path.empty()) return std::nullopt;
    if (!segment->empty()) segments.push_back(std::move(*segment));
  }
  return segments;
}

std::string VerbOf(std::string_view method, bool named, bool watch) {
  if (method == "GET" || method == "HEAD") return watch ? "watch" : named ? "get" : "list";
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return named ? "delete" : "deletecollection";
  return "";
}

// `rest` begins behind the version.
bool ParseObjects(std::vector<std::string> rest, RequestInfo& info) {
  const bool namespace_part = rest[0] == "namespaces" && rest.size() >= 3;
  const bool of_namespace = info.group.empty() && namespace_part && (rest[2] == "status" || rest[2] == "finalize");
  if (namespace_part && !of_namespace) {
    info.namespace_ = rest[1];
    rest.erase(rest.begin(), rest.begin() + 2);
  }
  if (rest.size() > 3) return false;
  info.resource = rest[0];
  if (rest.size() > 1) info.name = rest[1];
  if (rest.size() > 2) info.subresource = rest[2];
  return true;
}

// Of a path that ends before any resource.
RequestInfo::Target TargetOf(const RequestInfo& info, bool core) {
  if (!info.version.empty()) return RequestInfo::Target::kGroupVersion;
  if (core) return RequestInfo::Target::kCoreVersions;
  return info.group.empty() ? RequestInfo::Target::kGroups : RequestInfo::Target::kGroup;
}

}  // namespace

std::optional<RequestInfo> ParseRequestInfo(std::string_view method, std::string_view path, bool watch) {
  auto segments = Segments(path);
  if (!segments || segments->empty()) return std::nullopt;
  const bool core = (*segments)[0] == "api";
  if (!core && (*segments)[0] != "apis") return std::nullopt;
  RequestInfo info;
  std::size_t next = 1;
  if (!core && segments->size() > next) info.group = (*segments)[next++];
  if (segments->size() > next) info.version = (*segments)[next++];
  if (segments->size() == next) {
    info.target = TargetOf(info, core);
    info.verb = VerbOf(method, true, false);
    return info;
  }
  segments->erase(segments->begin(), segments->begin() + static_cast<std::ptrdiff_t>(next));
  if (!ParseObjects(std::move(*segments), info)) return std::nullopt;
  info.verb = VerbOf(method, !info.name.empty(), watch);
  return info;
}

Outcome<Done> CheckText(http::Request& request) {
  const auto is_text = [](const std::string& text) { return text.find('\0') == std::string::npos && IsUtf8(text); };
  for (const auto& [name, value] : request.query) {
    if (!is_text(name) || !is_text(value)) return BadRequest("the query is not UTF-8 text");
  }
  const auto agent = request.headers.Get("User-Agent");
  if (agent && !IsUtf8(*agent)) request.headers.Set("User-Agent", ReplaceInvalidUtf8(*agent));
  return Done{};
}

}  // namespace asya::apiserver
