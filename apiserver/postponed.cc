#include "apiserver/postponed.h"

#include <utility>

namespace asya::apiserver {

void Postponed::Start() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(running_, true)) return;
  thread_ = std::thread([this] { Run(); });
}

void Postponed::Stop() {
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Postponed::Add(std::chrono::milliseconds delay, Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (!running_ || due_.size() >= limit_) return false;
    due_.emplace(clock_.Steady() + delay, std::move(work));
    if (waiting_) waiting_->Set(static_cast<double>(due_.size()));
  }
  changed_.notify_all();
  return true;
}

std::optional<Postponed::Work> Postponed::TakeDueLocked(bool all) {
  if (due_.empty() || (!all && clock_.Steady() < due_.begin()->first)) return std::nullopt;
  Work work = std::move(due_.begin()->second);
  due_.erase(due_.begin());
  if (waiting_) waiting_->Set(static_cast<double>(due_.size()));
  return work;
}

void Postponed::Run() {
  std::unique_lock lock(mutex_);
  while (running_ || !due_.empty()) {
    if (auto work = TakeDueLocked(!running_)) {
      lock.unlock();
      (*work)();
      work.reset();  // what it holds is let go of outside the lock
      lock.lock();
    } else if (due_.empty()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, due_.begin()->first);
    }
  }
}

}  // namespace asya::apiserver
