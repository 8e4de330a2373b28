// SlowProxy: stands between clients and a server on the loopback; what passes comes later by a fixed time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "core/base/unique_fd.h"

namespace asya::bench {

class SlowProxy {
 public:
  // Delays each direction by `delay`; listens on a free port.
  SlowProxy(std::uint16_t server_port, std::chrono::microseconds delay);
  ~SlowProxy();
  SlowProxy(const SlowProxy&) = delete;
  SlowProxy& operator=(const SlowProxy&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Piece {
    Time due;
    std::string bytes;
  };
  struct Way {
    int from = -1;
    int to = -1;
    std::deque<Piece> pieces;  // bounded by what the peers have under way
  };
  struct Pair {
    UniqueFd client;
    UniqueFd server;
    Way forth;
    Way back;
  };

  void Serve();
  void Accept();
  // False: the connection has ended.
  bool Take(Way& way);
  static bool Deliver(Way& way, Time now);
  [[nodiscard]] Time NextDue() const;

  const std::uint16_t server_port_;
  const std::chrono::microseconds delay_;
  std::uint16_t port_ = 0;
  UniqueFd listener_;
  UniqueFd end_;  // written to when it is over
  std::list<Pair> pairs_;
  std::vector<char> buffer_;
  std::thread thread_;
};

}  // namespace asya::bench
