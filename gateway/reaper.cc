#include "gateway/reaper.h"

#include <utility>

namespace asya::gateway {

Reaper::Reaper(ports::TaskStore& tasks, const Clock& clock, observe::Logger logger)
    : tasks_(tasks), clock_(clock), logger_(std::move(logger)) {}

Reaper::~Reaper() { Stop(); }

void Reaper::Start() {
  const std::lock_guard lock(mutex_);
  if (running_) return;
  running_ = true;
  thread_ = std::thread([this] { Run(); });
}

void Reaper::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return;
    running_ = false;
  }
  stopped_.notify_all();
  thread_.join();
}

void Reaper::Run() {
  std::unique_lock lock(mutex_);
  while (running_) {
    lock.unlock();
    const auto expired = tasks_.ExpireDeadlines(clock_.Now());
    if (!expired.ok()) logger_.Warning("deadlines were not checked", {{"error", expired.error().message}});
    if (expired.ok() && *expired > 0) logger_.Info("tasks passed their deadline", {{"tasks", *expired}});
    lock.lock();
    stopped_.wait_for(lock, kPeriod, [this] { return !running_; });
  }
}

}  // namespace asya::gateway
