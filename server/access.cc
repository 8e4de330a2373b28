#include "server/access.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "core/json/value.h"

namespace asya::server {
namespace {

constexpr std::array<std::string_view, 4> kOpenPaths = {"/healthz", "/livez", "/readyz", "/version"};

// Equal in a time that does not depend on where the first difference is.
bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

bool IsThisMachine(std::string_view host) {
  const std::string_view name = host.substr(0, host.rfind(':'));
  return host.empty() || name == "127.0.0.1" || name == "localhost" || host == "127.0.0.1" || host == "localhost";
}

// A Kubernetes Status, which every client of this port can show.
http::Response Refusal(int code, const char* reason, const char* message) {
  const json::Object status = {{"kind", "Status"},  {"apiVersion", "v1"},  {"metadata", json::Object{}},
                               {"code", code},      {"status", "Failure"}, {"reason", reason},
                               {"message", message}};
  return http::Response{code, json::Dump(status), "application/json", {}};
}

}  // namespace

http::Handler RequireToken(std::string token, http::Handler next) {
  return [token = std::move(token), next = std::move(next)](http::Request request, http::Responder responder) {
    if (!IsThisMachine(request.headers.Get("Host").value_or(""))) {
      responder.Send(Refusal(403, "Forbidden", "the Host of the request is not this machine"));
      return;
    }
    constexpr std::string_view kScheme = "Bearer ";
    const std::string given = request.headers.Get("Authorization").value_or("");
    const bool open = std::find(kOpenPaths.begin(), kOpenPaths.end(), request.path) != kOpenPaths.end();
    if (!open && !(given.starts_with(kScheme) && SameSecret(given.substr(kScheme.size()), token))) {
      responder.Send(Refusal(401, "Unauthorized", "the token of server.json is needed as Authorization: Bearer"));
      return;
    }
    next(std::move(request), std::move(responder));
  };
}

}  // namespace asya::server
