// The task API below the API group of our kinds, by which kube-apiserver passes it on and clients of a cluster call it.
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/http/target.h"
#include "gateway/gateway.h"
#include "gateway/task_json.h"

namespace asya::gateway {
namespace {

constexpr std::string_view kGroup = "/apis/asya.sh/v1alpha1/";
constexpr std::string_view kNamespaces = "namespaces/";

// The first segment of a path, which is taken off it together with the slash behind.
std::string_view TakeSegment(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return segment;
}

void ToOwnPath(http::Request& request) {
  std::string_view path = request.path;
  if (!path.starts_with(kGroup)) return;
  path.remove_prefix(kGroup.size());
  std::optional<std::string> namespace_;
  if (path.starts_with(kNamespaces)) {
    path.remove_prefix(kNamespaces.size());
    namespace_ = http::PercentDecode(TakeSegment(path));
    if (!namespace_) return;
  }
  const std::string_view resource = TakeSegment(path);
  if (resource != "tasks" && resource != "deadletters") return;
  std::string own = std::string("/api/v1/") + (resource == "tasks" ? "tasks" : "dead-letters");
  if (!path.empty()) own += "/" + std::string(path);
  request.path = std::move(own);
  request.in_group = true;
  std::erase_if(request.query, [](const auto& parameter) { return parameter.first == "namespace"; });
  if (namespace_) request.query.emplace_back("namespace", *namespace_);
}

}  // namespace

std::string TasksPath(const http::Request& request) {
  if (!request.in_group) return "/api/v1/tasks/";
  const auto namespace_ = request.Query("namespace");
  return std::string(kGroup) + (namespace_ ? std::string(kNamespaces) + *namespace_ + "/" : "") + "tasks/";
}

http::Handler WithGroupPaths(http::Handler next) {
  return [next = std::move(next)](http::Request request, http::Responder responder) {
    ToOwnPath(request);
    next(std::move(request), std::move(responder));
  };
}

}  // namespace asya::gateway
