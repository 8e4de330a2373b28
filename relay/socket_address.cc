#include "relay/socket_address.h"

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace asya::relay {

std::optional<SocketAddress> UnixAddress(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  SocketAddress result;
  result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  std::memcpy(&result.storage, &address, result.size);
  return result;
}

SocketAddress SocketAddressOf(const addrinfo& entry) {
  SocketAddress result;
  result.size = std::min<socklen_t>(entry.ai_addrlen, sizeof result.storage);
  std::memcpy(&result.storage, entry.ai_addr, result.size);
  return result;
}

std::string NumbersOf(const addrinfo& entry) {
  std::array<char, NI_MAXHOST> host{};
  const int failed = getnameinfo(entry.ai_addr, entry.ai_addrlen, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST);
  return failed == 0 ? host.data() : "";
}

}  // namespace asya::relay
