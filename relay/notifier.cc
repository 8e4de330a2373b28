#include "relay/notifier.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

namespace asya::relay {

Notifier::Notifier(const std::string& socket) : address_(socket) {
  if (socket.empty() || socket.size() >= sizeof(sockaddr_un::sun_path)) return;
  socket_.Reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (address_.front() == '@') address_.front() = '\0';
}

void Notifier::Ready(bool ready, const std::string& status, bool failed) {
  std::string text = std::string("READY=") + (ready ? "1" : "0") + "\nSTATUS=" + status;
  // A newline would begin another assignment.
  const std::size_t begin = text.find("STATUS=");
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '\n') text[i] = ' ';
  }
  text += std::string("\nX_ASYA_FAILED=") + (failed ? "1" : "0");
  Send(text, state_);
}

void Notifier::InFlight(std::size_t count) { Send("X_ASYA_IN_FLIGHT=" + std::to_string(count), load_); }

void Notifier::Send(const std::string& text, Said& said) {
  said.error = 0;
  if (!socket_.valid() || text == said.last) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, address_.data(), address_.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  if (::sendto(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
               size) < 0) {
    said.error = errno;
  } else {
    said.last = text;
  }
}

}  // namespace asya::relay
