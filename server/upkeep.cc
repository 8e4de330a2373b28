#include "server/upkeep.h"

#include <utility>

#include "reconcilers/events.h"

namespace asya::server {

namespace {

observe::Counter MakeDropped(observe::Metrics& metrics, const char* what) {
  return metrics.MakeCounter("asya_store_dropped_total", "Rows over the bounds of the stores, dropped oldest first.",
                             {{"what", what}});
}

}  // namespace

Upkeep::Upkeep(Backend& backend, const Clock& clock, observe::Logger logger, observe::Metrics& metrics)
    : backend_(backend),
      clock_(clock),
      logger_(std::move(logger)),
      history_(MakeDropped(metrics, "history")),
      events_(MakeDropped(metrics, "events")),
      dropped_tasks_(MakeDropped(metrics, "tasks")),
      dead_letters_(MakeDropped(metrics, "dead_letters")) {}

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
    RunOnce();
    lock.lock();
  }
}

void Upkeep::RunOnce() {
  if (const Status compacted = backend_.CompactOld(); !compacted.ok()) {
    logger_.Warning("old events were not compacted", {{"error", compacted.error().message}});
  }
  Count("history", history_, backend_.DropOldHistory());
  Count("events", events_, reconcilers::DropOldEvents(backend_.objects(), clock_.Now()));
  Count("tasks", dropped_tasks_, backend_.DropOldTasks(clock_.Now()));
  Count("dead letters", dead_letters_, backend_.DropOldDeadLetters(clock_.Now()));
}

void Upkeep::Count(const char* what, const observe::Counter& counter, const Result<std::int64_t>& dropped) {
  if (!dropped.ok()) {
    logger_.Warning("what is over the bounds was not dropped", {{"what", what}, {"error", dropped.error().message}});
  } else if (*dropped > 0) {
    counter.Add(static_cast<double>(*dropped));
    logger_.Info("dropped what is over the bounds", {{"what", what}, {"rows", *dropped}});
  }
}

}  // namespace asya::server
