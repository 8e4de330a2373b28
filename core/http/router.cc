#include "core/http/router.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "core/http/problem.h"
#include "core/http/target.h"

namespace asya::http {
namespace {

bool IsParameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}
bool IsRest(std::string_view segment) {
  return segment.size() > 5 && IsParameter(segment) && segment.substr(segment.size() - 4) == "...}";
}

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> segments;
  if (!path.empty() && path[0] == '/') path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool Matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (IsRest(pattern[i])) return path.size() >= i;
    if (i >= path.size()) return false;
    if (IsParameter(pattern[i]) ? path[i].empty() : pattern[i] != path[i]) return false;
  }
  return pattern.size() == path.size();
}

int Rank(const std::string& segment) { return IsRest(segment) ? 2 : IsParameter(segment) ? 1 : 0; }

// Whether `a` is the more literal of two patterns that match the same path.
bool MoreLiteral(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (Rank(a[i]) != Rank(b[i])) return Rank(a[i]) < Rank(b[i]);
  }
  return a.size() > b.size();
}

bool Bind(const std::vector<std::string>& pattern, const std::vector<std::string>& path, Request& request) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!IsParameter(pattern[i])) continue;
    std::string raw;
    std::string name = pattern[i].substr(1, pattern[i].size() - 2);
    if (IsRest(pattern[i])) {
      name.resize(name.size() - 3);
      for (std::size_t j = i; j < path.size(); ++j) raw += (j > i ? "/" : "") + path[j];
    } else {
      raw = path[i];
    }
    std::optional<std::string> decoded = PercentDecode(raw);
    if (!decoded) return false;
    request.parameters.insert_or_assign(std::move(name), std::move(*decoded));
  }
  return true;
}

}  // namespace

void Router::Add(const std::string& method, const std::string& pattern, Handler handler) {
  routes_.push_back(Route{method, SplitPath(pattern), std::move(handler)});
}

void Router::SetFallback(Handler handler) { fallback_ = std::move(handler); }

void Router::Handle(Request request, Responder responder) const {
  const std::vector<std::string> path = SplitPath(request.path);
  const Route* best = nullptr;
  std::set<std::string> allowed;
  for (const Route& route : routes_) {
    if (!Matches(route.segments, path)) continue;
    allowed.insert(route.method);
    const bool fits = route.method == request.method || (request.method == "HEAD" && route.method == "GET");
    if (!fits) continue;
    if (best == nullptr || MoreLiteral(route.segments, best->segments)) best = &route;
  }
  if (best != nullptr) {
    if (!Bind(best->segments, path, request)) {
      return responder.Send(ProblemResponse(400, "the path has a broken percent escape"));
    }
    return best->handler(std::move(request), std::move(responder));
  }
  if (fallback_) return fallback_(std::move(request), std::move(responder));
  if (allowed.empty()) return responder.Send(ProblemResponse(404, "no such path"));
  std::string list;
  for (const std::string& method : allowed) list += (list.empty() ? "" : ", ") + method;
  Response response = ProblemResponse(405, "this path takes " + list);
  response.headers.Set("Allow", list);
  responder.Send(std::move(response));
}

}  // namespace asya::http
