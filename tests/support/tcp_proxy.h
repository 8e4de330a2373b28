// TcpProxy: stands between a client and a server on the loopback, and cuts, freezes or half closes what passes.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/unique_fd.h"

namespace asya::tests {

class TcpProxy {
 public:
  explicit TcpProxy(std::uint16_t server_port) : server_port_(server_port) {
    listener_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof address;
    bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_.get(), 64);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~TcpProxy() {
    ending_ = true;
    thread_.join();
  }
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  // Ends all connections at once, in the middle of whatever passes.
  void Cut() { cut_ = true; }
  // Nothing passes any more on the connections there are; new ones work.
  void Freeze() { freeze_ = true; }
  // Tells the clients that the server will say no more, and goes on taking what they say.
  void HalfClose() { half_close_ = true; }
  // Bytes that passed so far, in both directions.
  [[nodiscard]] std::uint64_t passed() const { return passed_; }

 private:
  struct Pair {
    UniqueFd client;
    UniqueFd server;
    bool frozen = false;
    bool half_closed = false;
  };

  static sockaddr_in Loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }

  void Serve() {
    while (!ending_) {
      if (cut_.exchange(false)) pairs_.clear();
      const bool freeze = freeze_.exchange(false);
      const bool half_close = half_close_.exchange(false);
      for (Pair& pair : pairs_) {
        pair.frozen = pair.frozen || freeze;
        if (half_close) shutdown(pair.client.get(), SHUT_WR);
        pair.half_closed = pair.half_closed || half_close;
      }
      std::vector<pollfd> ready{{listener_.get(), POLLIN, 0}};
      for (const Pair& pair : pairs_) {
        ready.push_back({pair.frozen ? -1 : pair.client.get(), POLLIN, 0});
        ready.push_back({pair.frozen ? -1 : pair.server.get(), POLLIN, 0});
      }
      if (poll(ready.data(), ready.size(), 1) <= 0) continue;
      std::size_t at = 1;
      for (auto pair = pairs_.begin(); pair != pairs_.end(); at += 2) {
        const bool alive =
            (ready[at].revents == 0 || Pass(pair->client.get(), pair->server.get(), true)) &&
            (ready[at + 1].revents == 0 || Pass(pair->server.get(), pair->client.get(), !pair->half_closed));
        pair = alive ? std::next(pair) : pairs_.erase(pair);
      }
      if (ready[0].revents != 0) Accept();
    }
    pairs_.clear();
  }

  void Accept() {
    Pair pair{UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)),
              UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
    const sockaddr_in address = Loopback(server_port_);
    const bool reached = connect(pair.server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    if (pair.client.valid() && reached) pairs_.push_back(std::move(pair));
  }

  bool Pass(int from, int to, bool on) {
    std::array<char, 16384> piece;
    const ssize_t count = recv(from, piece.data(), piece.size(), 0);
    if (count <= 0) return false;
    for (ssize_t sent = 0; on && sent < count;) {
      const ssize_t more = send(to, piece.data() + sent, static_cast<std::size_t>(count - sent), MSG_NOSIGNAL);
      if (more <= 0) return false;
      sent += more;
    }
    passed_ += static_cast<std::uint64_t>(count);
    return true;
  }

  const std::uint16_t server_port_;
  std::uint16_t port_ = 0;
  UniqueFd listener_;
  std::list<Pair> pairs_;
  std::atomic<bool> ending_{false};
  std::atomic<bool> cut_{false};
  std::atomic<bool> freeze_{false};
  std::atomic<bool> half_close_{false};
  std::atomic<std::uint64_t> passed_{0};
  std::thread thread_;
};

}  // namespace asya::tests
