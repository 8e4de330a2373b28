// WatchSchedule: one thread that gives all open watches their bookmarks and their end, and lets go of closed ones.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "apiserver/watch_session.h"
#include "core/base/clock.h"

namespace asya::apiserver {

class WatchSchedule {
 public:
  explicit WatchSchedule(const Clock& clock) : clock_(clock) {}
  ~WatchSchedule() { Stop(); }
  WatchSchedule(const WatchSchedule&) = delete;
  WatchSchedule& operator=(const WatchSchedule&) = delete;

  void Start();
  // Closes and releases all watches. Idempotent.
  void Stop();
  // False when stopped.
  bool Add(const std::shared_ptr<WatchSession>& session);
  // The response of this watch has ended; it is released soon, on the schedule's thread.
  void Ended(const std::shared_ptr<WatchSession>& session);
  [[nodiscard]] std::size_t size() const;

 private:
  void Run();
  // Those whose time has come; `next` becomes that of the first, if it is earlier. With the lock held.
  std::vector<std::shared_ptr<WatchSession>> TakeDue(SteadyTime now, SteadyTime& next) const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::shared_ptr<WatchSession>, SteadyTime> due_;
  std::vector<std::shared_ptr<WatchSession>> ended_;
  bool running_ = false;
  std::thread thread_;
};

}  // namespace asya::apiserver
