#include "bench/support/slow_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "bench/support/connection.h"

namespace asya::bench {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} * 1024;
constexpr int kBacklog = 64;

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void SendAtOnce(int fd) {
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

}  // namespace

SlowProxy::SlowProxy(std::uint16_t server_port, std::chrono::microseconds delay)
    : server_port_(server_port),
      delay_(delay),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      end_(::eventfd(0, EFD_CLOEXEC)),
      buffer_(kBufferBytes) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) Die("cannot bind");
  ::listen(listener_.get(), kBacklog);
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

SlowProxy::~SlowProxy() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(end_.get(), &one, sizeof one));
  thread_.join();
}

SlowProxy::Time SlowProxy::NextDue() const {
  Time due = Time::max();
  for (const Pair& pair : pairs_) {
    for (const Way* way : {&pair.forth, &pair.back}) {
      if (!way->pieces.empty()) due = std::min(due, way->pieces.front().due);
    }
  }
  return due;
}

void SlowProxy::Serve() {
  ::prctl(PR_SET_TIMERSLACK, 1);  // nanoseconds; 50 us by default
  for (;;) {
    std::vector<pollfd> ready{{listener_.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}};
    for (const Pair& pair : pairs_) {
      ready.push_back({pair.client.get(), POLLIN, 0});
      ready.push_back({pair.server.get(), POLLIN, 0});
    }
    const Time due = NextDue();
    const auto left =
        std::max<std::int64_t>(0, std::chrono::nanoseconds(due - std::chrono::steady_clock::now()).count());
    const timespec wait{left / 1'000'000'000, left % 1'000'000'000};
    ::ppoll(ready.data(), ready.size(), due == Time::max() ? nullptr : &wait, nullptr);
    if (ready[1].revents != 0) return;
    std::size_t at = 2;
    const Time now = std::chrono::steady_clock::now();
    for (auto pair = pairs_.begin(); pair != pairs_.end(); at += 2) {
      const bool alive = (ready[at].revents == 0 || Take(pair->forth)) &&
                         (ready[at + 1].revents == 0 || Take(pair->back)) && Deliver(pair->forth, now) &&
                         Deliver(pair->back, now);
      pair = alive ? std::next(pair) : pairs_.erase(pair);
    }
    if (ready[0].revents != 0) Accept();
  }
}

void SlowProxy::Accept() {
  Pair pair;
  pair.client.Reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  pair.server.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(server_port_);
  if (::connect(pair.server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  SendAtOnce(pair.client.get());
  SendAtOnce(pair.server.get());
  pair.forth.from = pair.back.to = pair.client.get();
  pair.back.from = pair.forth.to = pair.server.get();
  pairs_.push_back(std::move(pair));
}

bool SlowProxy::Take(Way& way) {
  const ssize_t count = ::recv(way.from, buffer_.data(), buffer_.size(), 0);
  if (count <= 0) return false;
  way.pieces.push_back(
      {std::chrono::steady_clock::now() + delay_, std::string(buffer_.data(), static_cast<std::size_t>(count))});
  return true;
}

bool SlowProxy::Deliver(Way& way, Time now) {
  while (!way.pieces.empty() && way.pieces.front().due <= now) {
    std::string_view bytes = way.pieces.front().bytes;
    while (!bytes.empty()) {
      const ssize_t count = ::send(way.to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    way.pieces.pop_front();
  }
  return true;
}

}  // namespace asya::bench
