// Periodic: a thread that does something again and again until it is stopped.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace asya {

class Periodic {
 public:
  // How long until the next run: somebody who asks brings it forward, but not below `least`.
  struct Pause {
    std::chrono::microseconds least{0};
    std::chrono::microseconds most{0};
  };
  static constexpr Pause Every(std::chrono::microseconds period) { return {period, period}; }
  // Does it once.
  using Run = std::function<Pause()>;

  explicit Periodic(Run run);
  ~Periodic();
  Periodic(const Periodic&) = delete;
  Periodic& operator=(const Periodic&) = delete;

  // `first` before the first run. Idempotent.
  void Start(Pause first);
  // Waits for a run under way, which should look at stopping() if it takes long. Idempotent.
  void Stop();
  // Has it run as soon as the pause allows. Never blocks.
  void Ask();
  // Since Stop() was called, also where there was nothing to stop.
  [[nodiscard]] bool stopping() const;

 private:
  void Work(Pause pause);

  const Run run_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool running_ = false;
  bool stopping_ = false;
  bool asked_ = false;
  std::thread thread_;
};

}  // namespace asya
