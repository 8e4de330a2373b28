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

using Path = std::vector<std::string_view>;

Path SplitPath(std::string_view path) {
  constexpr std::size_t kUsualSegments = 8;
  Path segments;
  segments.reserve(kUsualSegments);
  if (!path.empty() && path[0] == '/') path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool Matches(const std::vector<std::string>& pattern, const Path& path) {
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

// All from segment `first` on, which lie side by side in the path.
std::string_view RestOf(const Path& path, std::size_t first) {
  if (first >= path.size()) return {};
  const char* const begin = path[first].data();
  return {begin, static_cast<std::size_t>(path.back().data() + path.back().size() - begin)};
}

bool Bind(const std::vector<std::string>& pattern, const Path& path, Request& request) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!IsParameter(pattern[i])) continue;
    const bool is_rest = IsRest(pattern[i]);
    std::string name = pattern[i].substr(1, pattern[i].size() - 2);
    if (is_rest) name.resize(name.size() - 3);
    std::optional<std::string> decoded = PercentDecode(is_rest ? RestOf(path, i) : path[i]);
    if (!decoded) return false;
    request.parameters.insert_or_assign(std::move(name), std::move(*decoded));
  }
  return true;
}

}  // namespace

void Router::Add(const std::string& method, const std::string& pattern, Handler handler) {
  const Path segments = SplitPath(pattern);
  routes_.push_back(Route{method, {segments.begin(), segments.end()}, std::move(handler)});
}

void Router::SetFallback(Handler handler) { fallback_ = std::move(handler); }

void Router::Handle(Request request, Responder responder) const {
  const Path path = SplitPath(request.path);
  const Route* best = nullptr;
  for (const Route& route : routes_) {
    const bool fits = route.method == request.method || (request.method == "HEAD" && route.method == "GET");
    if (!fits || !Matches(route.segments, path)) continue;
    if (best == nullptr || MoreLiteral(route.segments, best->segments)) best = &route;
  }
  if (best != nullptr) {
    if (!Bind(best->segments, path, request)) {
      return responder.Send(ProblemResponse(400, "the path has a broken percent escape"));
    }
    return best->handler(std::move(request), std::move(responder));
  }
  if (fallback_) return fallback_(std::move(request), std::move(responder));
  std::set<std::string> allowed;
  for (const Route& route : routes_) {
    if (Matches(route.segments, path)) allowed.insert(route.method);
  }
  if (allowed.empty()) return responder.Send(ProblemResponse(404, "no such path"));
  std::string list;
  for (const std::string& method : allowed) list += (list.empty() ? "" : ", ") + method;
  Response response = ProblemResponse(405, "this path takes " + list);
  response.headers.Set("Allow", list);
  responder.Send(std::move(response));
}

}  // namespace asya::http
