#include "server/upkeep.h"

#include <utility>

namespace asya::server {

Upkeep::Upkeep(storage::sqlite::ObjectStore& objects, storage::sqlite::TaskStore& tasks, const Clock& clock,
               observe::Logger logger)
    : objects_(objects), tasks_(tasks), clock_(clock), logger_(std::move(logger)) {}

Upkeep::~Upkeep() { Stop(); }

void Upkeep::Start() {
  const std::lock_guard lock(mutex_);
  if (running_) return;
  running_ = true;
  thread_ = std::thread([this] { Run(); });
}

void Upkeep::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return;
    running_ = false;
  }
  stopped_.notify_all();
  thread_.join();
}

void Upkeep::Run() {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, kPeriod, [this] { return !running_; })) {
    lock.unlock();
    if (const Status compacted = objects_.CompactOld(); !compacted.ok()) {
      logger_.Warning("old events were not compacted", {{"error", compacted.error().message}});
    }
    const auto dropped = tasks_.DropOld(clock_.Now());
    if (!dropped.ok()) logger_.Warning("old tasks were not dropped", {{"error", dropped.error().message}});
    lock.lock();
  }
}

}  // namespace asya::server
