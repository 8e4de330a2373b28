// EventLoop: one thread that waits for readable descriptors, timers and posted functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"

namespace asya::cluster::local {

// Everything but Post, Start and Stop is for functions that run on the loop's thread.
class EventLoop {
 public:
  using TimerId = std::uint64_t;  // 0 names no timer

  explicit EventLoop(const Clock& clock);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  Status Start();
  // Runs what was posted before, then ends the thread. Idempotent.
  void Stop();
  // Runs `function` on the loop's thread, in the order of the calls. Any thread.
  void Post(std::function<void()> function);

  // Calls `on_readable` each time `fd` is readable (or at its end) until Unwatch.
  void Watch(int fd, std::function<void()> on_readable);
  void Unwatch(int fd);
  TimerId After(std::chrono::microseconds delay, std::function<void()> function);
  void Cancel(TimerId timer);

 private:
  void Run();
  void RunPosted();
  void RunTimers();
  [[nodiscard]] int WaitTime_ms() const;

  const Clock& clock_;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::thread thread_;
  std::map<int, std::function<void()>> watched_;
  std::map<std::pair<SteadyTime, TimerId>, std::function<void()>> timers_;
  std::map<TimerId, SteadyTime> timer_times_;
  TimerId last_timer_ = 0;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  bool stopping_ = false;
};

}  // namespace asya::cluster::local
