// Address: where a peer listens: a Unix socket or a host and port.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace asya::relay {

struct Address {
  std::string path;  // of a Unix socket; empty for TCP
  std::string host;  // empty means every interface when listening, loopback when connecting
  std::string port;
  [[nodiscard]] bool is_unix() const { return !path.empty(); }
};

// "unix:/path", "host:port" or ":port". kInvalid names what is accepted.
Result<Address> ParseAddress(std::string_view text);
// "http://host[:port]" or "unix:/path". TLS is not spoken on internal routes.
Result<Address> ParseUrl(std::string_view text);

}  // namespace asya::relay
