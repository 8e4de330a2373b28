#include "tests/support/unix_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace asya::tests {

std::optional<ServedRequest> ServedConnection::Read() {
  const auto more = [this] {
    char bytes[16384];
    const ssize_t size = ::recv(descriptor_, bytes, sizeof bytes, 0);
    if (size <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(size));
    return true;
  };
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return std::nullopt;
  }
  const std::string head = buffer_.substr(0, end);
  std::size_t length = 0;
  if (const std::size_t at = head.find("Content-Length: "); at != std::string::npos) {
    length = std::stoul(head.substr(at + 16));
  }
  while (buffer_.size() < end + 4 + length) {
    if (!more()) return std::nullopt;
  }
  ServedRequest request;
  const std::size_t first = head.find(' ');
  request.method = head.substr(0, first);
  request.target = head.substr(first + 1, head.find(' ', first + 1) - first - 1);
  request.head = head;
  request.body = buffer_.substr(end + 4, length);
  buffer_.erase(0, end + 4 + length);
  return request;
}

bool ServedConnection::Send(const std::string& bytes) const {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t size = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) return false;
    sent += static_cast<std::size_t>(size);
  }
  return true;
}

bool ServedConnection::Reply(int status, const std::string& content_type, const std::string& body) const {
  return Send("HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Type: " + content_type +
              "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

void ServedConnection::WaitForClose() {
  char byte = 0;
  while (::recv(descriptor_, &byte, 1, 0) > 0) {
  }
}

void ServedConnection::Cut() const { ::shutdown(descriptor_, SHUT_RDWR); }

BoundPort BindLoopback() {
  BoundPort bound{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ""};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(bound.descriptor, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(bound.descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  bound.port = std::to_string(ntohs(address.sin_port));
  return bound;
}

UnixServer::UnixServer(const std::string& path, Serve serve)
    : path_(path), serve_(std::move(serve)), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ::unlink(path.c_str());
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  Begin();
}

UnixServer::UnixServer(int bound, Serve serve) : serve_(std::move(serve)), listener_(bound) { Begin(); }

void UnixServer::Begin() {
  constexpr int kBacklog = 128;
  if (::listen(listener_, kBacklog) != 0) std::abort();
  thread_ = std::thread([this] { Accept(); });
}

UnixServer::~UnixServer() { Stop(); }

void UnixServer::Stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
  if (!path_.empty()) ::unlink(path_.c_str());
  CutAll();
  for (std::thread& thread : threads_) thread.join();
}

void UnixServer::CutAll() {
  const std::lock_guard lock(mutex_);
  for (const auto& [descriptor, connection] : open_) connection->Cut();
}

int UnixServer::accepted() const {
  const std::lock_guard lock(mutex_);
  return accepted_;
}

void UnixServer::Accept() {
  for (;;) {
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (descriptor < 0 || stopping_) {
      if (descriptor >= 0) ::close(descriptor);
      return;
    }
    ++accepted_;
    auto* connection = new ServedConnection(descriptor);
    open_[descriptor] = connection;
    threads_.emplace_back([this, descriptor, connection] {
      serve_(*connection);
      const std::lock_guard closing(mutex_);
      open_.erase(descriptor);
      delete connection;
      ::close(descriptor);
    });
  }
}

}  // namespace asya::tests
