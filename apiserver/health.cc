#include "apiserver/health.h"

#include <algorithm>
#include <utility>

namespace asya::apiserver {
namespace {

constexpr const char* kEndpoints[] = {"/livez", "/readyz", "/healthz"};

struct Asked {
  std::string endpoint;  // "livez"
  std::string check;     // empty: all
};

std::optional<Asked> Parse(const std::string& path) {
  for (const std::string endpoint : kEndpoints) {
    if (path == endpoint || path == endpoint + "/") return Asked{endpoint.substr(1), ""};
    if (path.rfind(endpoint + "/", 0) == 0) return Asked{endpoint.substr(1), path.substr(endpoint.size() + 1)};
  }
  return std::nullopt;
}

http::Response Plain(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.headers.Set("X-Content-Type-Options", "nosniff");
  response.headers.Set("Cache-Control", "no-cache, no-store");
  response.body = std::move(text);
  return response;
}

std::vector<std::string> Excluded(const http::Request& request) {
  std::vector<std::string> names;
  for (const auto& [name, value] : request.query) {
    if (name == "exclude") names.push_back(value);
  }
  return names;
}

std::string ReasonOf(const Status& failed, bool tell_why) {
  return tell_why ? failed.error().message : "reason withheld";
}

http::Response AnswerOne(const HealthCheck& check, bool tell_why) {
  const Status done = check.run();
  if (done.ok()) return Plain(200, "ok");
  return Plain(500, "internal server error: check \"" + check.name + "\" failed: " + ReasonOf(done, tell_why));
}

}  // namespace

bool IsHealthPath(const std::string& path) { return Parse(path).has_value(); }

http::Response AnswerHealth(const http::Request& request, const std::vector<HealthCheck>& checks, bool tell_why) {
  const Asked asked = Parse(request.path).value();
  std::vector<std::string> excluded = Excluded(request);
  std::string report;
  bool failed = false;
  for (const HealthCheck& check : checks) {
    if (check.ready_only && asked.endpoint == "livez") continue;
    if (asked.check == check.name) return AnswerOne(check, tell_why);
    if (std::erase(excluded, check.name) > 0) {
      report += "[+]" + check.name + " excluded: ok\n";
      continue;
    }
    if (!asked.check.empty()) continue;
    const Status done = check.run();
    failed = failed || !done.ok();
    const std::string outcome =
        done.ok() ? "[+]" + check.name + " ok" : "[-]" + check.name + " failed: " + ReasonOf(done, tell_why);
    report += outcome + "\n";
  }
  if (!asked.check.empty()) return Plain(404, "404 page not found\n");
  for (const std::string& name : excluded)
    report += "warn: some health checks cannot be excluded: no matches for " + name + "\n";
  if (failed) return Plain(500, report + asked.endpoint + " check failed\n");
  return Plain(200, request.Query("verbose") ? report + asked.endpoint + " check passed\n" : "ok");
}

}  // namespace asya::apiserver
