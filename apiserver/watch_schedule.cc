#include "apiserver/watch_schedule.h"

#include <algorithm>
#include <utility>

namespace asya::apiserver {

void WatchSchedule::Start() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(running_, true)) return;
  thread_ = std::thread([this] { Run(); });
}

void WatchSchedule::Stop() {
  std::map<std::shared_ptr<WatchSession>, SteadyTime> left;
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    left.swap(due_);
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (const auto& [session, due] : left) session->Close();
  std::vector<std::shared_ptr<WatchSession>> to_release;
  {
    const std::lock_guard lock(mutex_);
    to_release.swap(ended_);  // what the thread did not come to
  }
  for (const auto& [session, due] : left) to_release.push_back(session);
  for (const auto& session : to_release) session->Release();
}

bool WatchSchedule::Add(const std::shared_ptr<WatchSession>& session) {
  const SteadyTime first = session->Tick(clock_.Steady());
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return false;
    due_.emplace(session, first);
  }
  changed_.notify_all();
  return true;
}

void WatchSchedule::Ended(const std::shared_ptr<WatchSession>& session) {
  {
    const std::lock_guard lock(mutex_);
    if (due_.erase(session) == 0) return;
    ended_.push_back(session);
  }
  changed_.notify_all();
}

std::size_t WatchSchedule::size() const {
  const std::lock_guard lock(mutex_);
  return due_.size();
}

std::vector<std::shared_ptr<WatchSession>> WatchSchedule::TakeDue(SteadyTime now, SteadyTime& next) const {
  std::vector<std::shared_ptr<WatchSession>> to_tick;
  for (const auto& [session, due] : due_) {
    if (due <= now) to_tick.push_back(session);
    next = std::min(next, due);
  }
  return to_tick;
}

void WatchSchedule::Run() {
  constexpr std::chrono::seconds kLongestWait{60};
  std::unique_lock lock(mutex_);
  while (running_) {
    const SteadyTime now = clock_.Steady();
    SteadyTime next = now + kLongestWait;
    const auto to_tick = TakeDue(now, next);
    const auto to_release = std::exchange(ended_, {});
    if (to_tick.empty() && to_release.empty()) {
      changed_.wait_for(lock, next - now);
      continue;
    }
    lock.unlock();
    for (const auto& session : to_release) session->Release();
    std::vector<SteadyTime> due;
    due.reserve(to_tick.size());
    for (const auto& session : to_tick) due.push_back(session->Tick(now));
    lock.lock();
    for (std::size_t i = 0; i < to_tick.size(); ++i) {
      if (const auto found = due_.find(to_tick[i]); found != due_.end()) found->second = due[i];
    }
  }
}

}  // namespace asya::apiserver
