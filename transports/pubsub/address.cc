#include "transports/pubsub/address.h"

#include <charconv>
#include <cstdint>
#include <optional>

namespace asya::transports::pubsub {
namespace {

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool IsLoopback(std::string_view host) { return host == "localhost" || host == "::1" || host.substr(0, 4) == "127."; }

bool IsPort(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number != 0;
}

}  // namespace

Result<PubsubAddress> ParseEndpoint(const std::string& project, std::string_view endpoint) {
  PubsubAddress address;
  address.project = project;
  if (endpoint.empty()) return address;
  std::optional<bool> tls;
  if (TakePrefix(endpoint, "https://")) {
    tls = true;
  } else if (TakePrefix(endpoint, "http://")) {
    tls = false;
  }
  while (!endpoint.empty() && endpoint.back() == '/') endpoint.remove_suffix(1);
  std::string_view port;
  const std::size_t colon = endpoint.rfind(':');
  const bool bracketed = !endpoint.empty() && endpoint.front() == '[';
  if (bracketed) {
    const std::size_t bracket = endpoint.find(']');
    if (bracket == std::string_view::npos) return Invalid("", "the endpoint has a [ without ]");
    address.host = endpoint.substr(1, bracket - 1);
    if (bracket + 1 < endpoint.size() && endpoint[bracket + 1] == ':') port = endpoint.substr(bracket + 2);
  } else {
    address.host = endpoint.substr(0, colon);
    if (colon != std::string_view::npos) port = endpoint.substr(colon + 1);
  }
  if (address.host.empty() || address.host.find_first_of("/?@ ") != std::string::npos) {
    return Invalid("", "the endpoint is host[:port] or a URL of it");
  }
  address.tls = tls.value_or(!IsLoopback(address.host));
  if (!address.tls && !IsLoopback(address.host)) {
    return Invalid("", "plain text is spoken on the loopback only; another endpoint needs https");
  }
  if (!address.tls) address.port = "80";
  if (port.empty()) return address;
  if (!IsPort(port)) return Invalid("", "the port of the endpoint is not a number from 1 to 65535");
  address.port = port;
  return address;
}

}  // namespace asya::transports::pubsub
