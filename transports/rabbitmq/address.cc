#include "transports/rabbitmq/address.h"

#include <charconv>
#include <utility>

#include "transports/rabbitmq/wire.h"

namespace asya::transports::rabbitmq {
namespace {

Result<std::string> Decoded(std::string_view text, const char* what) {
  std::string decoded;
  while (!text.empty()) {
    if (text.front() != '%') {
      decoded += text.front();
      text.remove_prefix(1);
      continue;
    }
    unsigned value = 0;
    const std::string_view digits = text.substr(1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || error != std::errc() || end != digits.data() + 2) {
      return Invalid("", std::string("the ") + what + " of the URL has a % without two hexadecimal digits");
    }
    decoded += static_cast<char>(value);
    text.remove_prefix(3);
  }
  if (decoded.size() > kShortStringBytesMax) return Invalid("", std::string("the ") + what + " is too long");
  return decoded;
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

Status ReadCredentials(std::string_view text, BrokerAddress& address) {
  const std::size_t colon = text.find(':');
  ASYA_TRY(address.user, Decoded(text.substr(0, colon), "user"));
  if (colon == std::string_view::npos) return Ok();
  ASYA_TRY(address.password, Decoded(text.substr(colon + 1), "password"));
  return Ok();
}

Status ReadHost(std::string_view text, BrokerAddress& address) {
  std::size_t colon = text.rfind(':');
  if (!text.empty() && text.front() == '[') {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return Invalid("", "the URL has a [ without ]");
    colon = bracket + 1 < text.size() && text[bracket + 1] == ':' ? bracket + 1 : std::string_view::npos;
    address.host = text.substr(1, bracket - 1);
  } else {
    ASYA_TRY(address.host, Decoded(text.substr(0, colon), "host"));
  }
  if (address.host.empty()) return Invalid("", "the URL names no host");
  if (colon == std::string_view::npos) return Ok();
  const std::string_view port = text.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number == 0) {
    return Invalid("", "the port of the URL is not a number from 1 to 65535");
  }
  address.port = port;
  return Ok();
}

}  // namespace

Result<BrokerAddress> ParseBrokerUrl(std::string_view url) {
  BrokerAddress address;
  if (TakePrefix(url, "amqps://")) {
    address.tls = true;
    address.port = "5671";
  } else if (!TakePrefix(url, "amqp://")) {
    return Invalid("", "a URL that begins with amqp:// or amqps:// is accepted");
  }
  url = url.substr(0, url.find('?'));
  const std::size_t slash = url.find('/');
  std::string_view authority = url.substr(0, slash);
  if (slash != std::string_view::npos && slash + 1 < url.size()) {
    ASYA_TRY(address.virtual_host, Decoded(url.substr(slash + 1), "virtual host"));
  }
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    ASYA_TRY_STATUS(ReadCredentials(authority.substr(0, at), address));
    authority.remove_prefix(at + 1);
  }
  ASYA_TRY_STATUS(ReadHost(authority, address));
  return address;
}

}  // namespace asya::transports::rabbitmq
