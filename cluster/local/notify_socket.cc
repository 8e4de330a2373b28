#include "cluster/local/notify_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace asya::cluster::local {
namespace {

constexpr std::size_t kDatagramLimit_bytes = 4096;

}  // namespace

Notification ParseNotification(std::string_view datagram) {
  Notification notification;
  while (!datagram.empty()) {
    const auto end = datagram.find('\n');
    const std::string_view line = datagram.substr(0, end);
    datagram = end == std::string_view::npos ? std::string_view() : datagram.substr(end + 1);
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (name == "READY" && (value == "1" || value == "0")) notification.ready = value == "1";
    if (name == "X_ASYA_FAILED") notification.failed = value == "1";
    if (name == "STATUS") notification.status = std::string(value);
    if (name == "X_ASYA_IN_FLIGHT") {
      std::int64_t count = 0;
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), count);
      if (parsed.ec == std::errc() && count >= 0) notification.in_flight = count;
    }
  }
  return notification;
}

Result<NotifySocket> NotifySocket::Bind(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Invalid("run folder", "the path of a socket may have " + std::to_string(sizeof address.sun_path - 1) +
                                     " bytes, this one has more: " + path);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid() || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Fail(ErrorCode::kUnavailable, "cannot make the socket " + path + ": " + std::strerror(errno));
  }
  return NotifySocket(std::move(fd));
}

std::optional<Notification> NotifySocket::Receive() {
  std::array<char, kDatagramLimit_bytes> datagram{};
  const ssize_t size = ::recv(fd_.get(), datagram.data(), datagram.size(), 0);
  if (size < 0) return std::nullopt;
  return ParseNotification(std::string_view(datagram.data(), static_cast<std::size_t>(size)));
}

}  // namespace asya::cluster::local
