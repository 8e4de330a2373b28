// Reactor::State: what the reactor sleeps on and has to do, for the files here that work with descriptors.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/unique_fd.h"
#include "relay/reactor.h"

namespace asya::relay {

struct Watch::State {
  int descriptor = -1;
  OnReady on_ready;
  unsigned events = 0;  // those that the system was asked for
  bool ended = false;
};

struct Reactor::State {
  static constexpr std::size_t kReadBytes = std::size_t{64} * 1024;
  static constexpr int kRoundsMax = 16;  // of posted work that leads to more, before descriptors have their turn

  // False when there was nothing.
  bool RunPosted();
  void RunTimers();
  Timer::Expiries::node_type TakeFirst();
  void Wait();
  [[nodiscard]] int TimeoutMs();
  void Listen(Watch::State& watch, unsigned events) const;

  UniqueFd epoll;
  UniqueFd wake;                                     // each write ends one wait; nobody has to read it
  std::vector<char> read_buffer;                     // for whoever reads, until the callback returns
  std::vector<std::shared_ptr<Watch::State>> ended;  // in this round: an event may still name them
  std::vector<std::unique_ptr<Watch>> watches;       // of the reactor itself
  std::vector<UniqueFd> descriptors;                 // theirs
  Timer::Expiries expiries;
  std::atomic<bool> stopped = false;
  std::atomic<std::thread::id> runner;
  std::mutex mutex;
  std::vector<std::function<void()>> posted;  // bounded by the senders: one for each thing that they wait for
};

}  // namespace asya::relay
