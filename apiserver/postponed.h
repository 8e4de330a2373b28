// Postponed: one thread that runs pieces of work a little later, so that nobody has to block in order to wait.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "core/base/clock.h"
#include "core/observe/metrics.h"

namespace asya::apiserver {

// Thread safe.
class Postponed {
 public:
  using Work = std::function<void()>;

  // At most `limit` pieces wait. `waiting` shows how many do; may be absent.
  Postponed(const Clock& clock, std::size_t limit, std::optional<observe::Gauge> waiting)
      : clock_(clock), limit_(limit), waiting_(waiting) {}
  ~Postponed() { Stop(); }
  Postponed(const Postponed&) = delete;
  Postponed& operator=(const Postponed&) = delete;

  void Start();
  // Runs at once what waits; nothing is taken any more. Idempotent.
  void Stop();
  // Runs `work`, which must not block, on the thread of this object after the delay. False when too much waits, or
  // when stopped: the caller goes on by itself.
  [[nodiscard]] bool Add(std::chrono::milliseconds delay, Work work);

 private:
  void Run();
  std::optional<Work> TakeDueLocked(bool all);

  const Clock& clock_;
  const std::size_t limit_;
  const std::optional<observe::Gauge> waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<SteadyTime, Work> due_;
  bool running_ = false;
  std::thread thread_;
};

}  // namespace asya::apiserver
