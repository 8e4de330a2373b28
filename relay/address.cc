#include "relay/address.h"

#include <algorithm>

namespace asya::relay {
namespace {

constexpr std::size_t kUnixPathLimitBytes = 107;  // sockaddr_un
constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::string_view kHttpPrefix = "http://";

Result<Address> UnixAddress(std::string_view path) {
  if (path.empty() || path.size() > kUnixPathLimitBytes) {
    return Invalid("", "the path of a Unix socket has 1 to " + std::to_string(kUnixPathLimitBytes) + " bytes, got " +
                           std::to_string(path.size()));
  }
  Address address;
  address.path = std::string(path);
  return address;
}

// For a log: what stands before an @ may be a password.
std::string WithoutUser(std::string_view url) {
  const std::size_t at = url.rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  const std::size_t scheme = url.find("://");
  const std::size_t user = scheme == std::string_view::npos || scheme > at ? 0 : scheme + 3;
  return std::string(url.substr(0, user)) + "***" + std::string(url.substr(at));
}

bool IsPort(std::string_view text) {
  constexpr std::size_t kPortDigits = 5;
  return !text.empty() && text.size() <= kPortDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         std::stoi(std::string(text)) <= 65535;
}

}  // namespace

Result<Address> ParseAddress(std::string_view text) {
  if (text.substr(0, kUnixPrefix.size()) == kUnixPrefix) return UnixAddress(text.substr(kUnixPrefix.size()));
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !IsPort(text.substr(colon + 1))) {
    return Invalid("", "got \"" + std::string(text) + "\"; \":port\", \"host:port\" or \"unix:/path\" is accepted");
  }
  Address address;
  address.host = std::string(text.substr(0, colon));
  address.port = std::string(text.substr(colon + 1));
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  return address;
}

Result<Address> ParseUrl(std::string_view text) {
  if (text.substr(0, kUnixPrefix.size()) == kUnixPrefix) return UnixAddress(text.substr(kUnixPrefix.size()));
  Error wrong = Invalid("", "got \"" + WithoutUser(text) + "\"; \"http://host:port\" or \"unix:/path\" is accepted");
  if (text.substr(0, kHttpPrefix.size()) != kHttpPrefix) return wrong;
  std::string_view rest = text.substr(kHttpPrefix.size());
  if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  if (rest.empty() || rest.find('/') != std::string_view::npos || rest.find('@') != std::string_view::npos)
    return wrong;
  if (auto address = ParseAddress(rest); address.ok() && !address->is_unix() && !address->host.empty()) {
    return address;
  }
  if (rest.find(':') != std::string_view::npos) return wrong;
  Address address;
  address.host = std::string(rest);
  address.port = "80";
  return address;
}

}  // namespace asya::relay
