// Reactor: the one thread on which everything of a relay happens: posted work, timers and descriptors.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>

namespace asya::relay {

class Reactor {
 public:
  Reactor();
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Runs on the calling thread until Stop().
  void Run();
  // From any thread.
  void Stop();
  // Runs `work` later on the reactor's thread; from any thread.
  void Post(std::function<void()> work);
  // Calls `on_signal` for each SIGTERM and SIGINT, and ignores SIGPIPE. One reactor of a process can do that.
  void OnTermination(std::function<void()> on_signal);
  // Calls `on_end` once the other end of this descriptor is closed. Takes over the descriptor.
  void OnEndOf(int descriptor, std::function<void()> on_end);

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// Hears when a descriptor is ready. Reactor's thread only; destroying it ends that, also from within the callback,
// which itself lives until it has returned. Of a descriptor that was closed nothing is heard any more.
class Watch {
 public:
  // The end or an error of the descriptor makes it ready for both.
  using OnReady = std::function<void(bool readable, bool writable)>;

  Watch(Reactor& reactor, int descriptor, OnReady on_ready);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  // What to wait for from now on; nothing at first.
  void Want(bool to_read, bool to_write);

  struct State;

 private:
  Reactor& reactor_;
  std::shared_ptr<State> state_;
};

// A moment in the future; setting it again moves it, destroying it cancels it. Reactor's thread only.
class Timer {
 public:
  struct Expiry {
    Timer* timer = nullptr;
    std::function<void()> work;
  };
  using Expiries = std::multimap<std::chrono::steady_clock::time_point, Expiry>;

  explicit Timer(Reactor& reactor) : reactor_(reactor) {}
  ~Timer() { Cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void After(std::chrono::microseconds delay, std::function<void()> work);
  void Cancel();
  [[nodiscard]] bool pending() const { return pending_; }

 private:
  friend struct Reactor::State;
  Reactor& reactor_;
  Expiries::iterator at_;
  bool pending_ = false;
};

}  // namespace asya::relay
