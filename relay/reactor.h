// Reactor: the one thread on which everything of a relay happens: posted work, timers and sockets.
#pragma once

#include <chrono>
#include <functional>
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
  // Calls `on_signal` for each SIGTERM and SIGINT, and ignores SIGPIPE.
  void OnTermination(std::function<void()> on_signal);
  // Calls `on_end` once the other end of this descriptor is closed. Takes over the descriptor.
  void OnEndOf(int descriptor, std::function<void()> on_end);

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// A moment in the future; setting it again moves it, destroying it cancels it. Reactor's thread only.
class Timer {
 public:
  explicit Timer(Reactor& reactor);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void After(std::chrono::microseconds delay, std::function<void()> work);
  void Cancel();
  [[nodiscard]] bool pending() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace asya::relay
