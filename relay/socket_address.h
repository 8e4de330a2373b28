// SocketAddress: where a socket connects to or listens, as the system takes it.
#pragma once

#include <netdb.h>
#include <sys/socket.h>

#include <optional>
#include <string>

namespace asya::relay {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] int family() const { return storage.ss_family; }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// nullopt: the path is longer than the system takes.
std::optional<SocketAddress> UnixAddress(const std::string& path);
SocketAddress SocketAddressOf(const addrinfo& entry);
// The host of an address in numbers, e.g. "127.0.0.1".
std::string NumbersOf(const addrinfo& entry);

}  // namespace asya::relay
