#include "tests/support/socket_proxy.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace asya::tests {
namespace {

constexpr int kBacklog = 64;
constexpr std::size_t kPieceBytes = 64 << 10;

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASYA_CHECK(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool SendAll(int to, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(to, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace

SocketProxy::SocketProxy(const std::string& path, std::string target)
    : path_(path),
      target_(std::move(target)),
      listening_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  const sockaddr_un address = AddressOf(path);
  ASYA_CHECK(::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ASYA_CHECK(::listen(listening_.get(), kBacklog) == 0);
  thread_ = std::thread([this] { Work(); });
}

SocketProxy::~SocketProxy() {
  running_ = false;
  Wake();
  thread_.join();
  ::unlink(path_.c_str());
}

void SocketProxy::Delay(std::chrono::milliseconds delay) { delay_ms_ = delay.count(); }

void SocketProxy::Withhold(bool withhold) {
  withhold_ = withhold;
  Wake();
}

void SocketProxy::Cut() {
  cut_ = true;
  Wake();
}

void SocketProxy::Wake() {
  const std::uint64_t one = 1;
  const auto written = ::write(wake_.get(), &one, sizeof one);
  static_cast<void>(written);  // a full counter wakes as well
}

void SocketProxy::Work() {
  while (running_) {
    std::vector<pollfd> waits = {{wake_.get(), POLLIN, 0}, {listening_.get(), POLLIN, 0}};
    for (const Pair& pair : pairs_) {
      const short wanted = withhold_ ? 0 : POLLIN;
      waits.push_back({pair.client.get(), wanted, 0});
      waits.push_back({pair.server.get(), wanted, 0});
    }
    ::poll(waits.data(), waits.size(), -1);
    std::uint64_t count = 0;
    const auto drained = ::read(wake_.get(), &count, sizeof count);
    static_cast<void>(drained);
    if (cut_.exchange(false)) {
      pairs_.clear();
      continue;
    }
    std::size_t at = 2;
    for (auto pair = pairs_.begin(); pair != pairs_.end(); at += 2) {
      const bool client_open = waits[at].revents == 0 || Pass(pair->client.get(), pair->server.get());
      const bool server_open = waits[at + 1].revents == 0 || Pass(pair->server.get(), pair->client.get());
      pair = client_open && server_open ? std::next(pair) : pairs_.erase(pair);
    }
    if (waits[1].revents != 0) Accept();
  }
}

void SocketProxy::Accept() {
  Pair pair{UniqueFd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)),
            UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  const sockaddr_un address = AddressOf(target_);
  if (!pair.client.valid()) return;
  if (::connect(pair.server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  pairs_.push_back(std::move(pair));
}

bool SocketProxy::Pass(int from, int to) {
  std::vector<char> piece(kPieceBytes);
  const ssize_t got = ::recv(from, piece.data(), piece.size(), MSG_DONTWAIT);
  if (got <= 0) return false;
  if (delay_ms_ > 0 && !Sleep(std::chrono::milliseconds(delay_ms_))) return false;
  return SendAll(to, piece.data(), static_cast<std::size_t>(got));
}

bool SocketProxy::Sleep(std::chrono::milliseconds time) {
  pollfd wait = {wake_.get(), POLLIN, 0};
  ::poll(&wait, 1, static_cast<int>(time.count()));
  return running_;
}

}  // namespace asya::tests
