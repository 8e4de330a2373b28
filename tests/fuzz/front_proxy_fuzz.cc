// Feeds arbitrary bytes to what tells users by the headers of a proxy: the settings of the cluster as one line of JSON,
// then headers, one a line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "apiserver/access/front_proxy.h"
#include "core/json/parse.h"

namespace {

namespace api = asya::apiserver;
using asya::http::ClientCertificate;
using asya::http::Request;

asya::http::Headers HeadersOf(std::string_view text) {
  asya::http::Headers headers;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) headers.Add(line.substr(0, colon), std::string(line.substr(colon + 1)));
  }
  return headers;
}

// Whoever has no certificate of a proxy is nobody, whatever the headers say.
void CheckStrangers(const api::Authenticator& authenticate, Request request) {
  if (authenticate(request)) std::abort();
  const auto later = asya::RealClock().Now() + std::chrono::hours(1);
  request.client_certificate =
      std::make_shared<ClientCertificate>(ClientCertificate{"front-proxy-client", {}, later, true, false});
  if (authenticate(request)) std::abort();
}

void CheckProxy(const api::FrontProxySettings& settings, const api::Authenticator& authenticate, Request request) {
  const auto later = asya::RealClock().Now() + std::chrono::hours(1);
  request.client_certificate =
      std::make_shared<ClientCertificate>(ClientCertificate{"front-proxy-client", {}, later, false, true});
  const api::Identity user = authenticate(request);
  if (!user) return;
  if (user->name.empty()) std::abort();
  for (const std::string& group : user->groups) {
    if (group.empty()) std::abort();
  }
  const auto named = api::UserOfHeaders(settings, request.headers);
  if (!named || named->name != user->name) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view line = text.substr(0, text.find('\n'));
  const auto config_map = asya::json::Parse(line);
  if (!config_map.ok()) return 0;
  const auto settings = api::FrontProxySettings::Parse(*config_map);
  if (!settings.ok()) return 0;
  Request request;
  request.headers = HeadersOf(text.substr(line.size()));
  const auto current = std::make_shared<const api::Current<api::FrontProxySettings>>(*settings);
  const api::Authenticator authenticate = api::ByFrontProxy(current, asya::RealClock());
  CheckStrangers(authenticate, request);
  CheckProxy(*settings, authenticate, request);
  return 0;
}
