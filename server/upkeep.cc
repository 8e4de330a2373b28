#include "server/upkeep.h"

#include <utility>

namespace asya::server {

namespace {

observe::Counter MakeDropped(observe::Metrics& metrics, const char* what) {
  return metrics.MakeCounter("asya_store_dropped_total", "Rows over the bounds of the stores, dropped oldest first.",
                             {{"what", what}});
}

}  // namespace

Upkeep::Upkeep(Chores chores, const Clock& clock, observe::Logger logger, observe::Metrics& metrics)
    : clock_(clock), logger_(std::move(logger)), chores_(std::move(chores)), periodic_([this] {
        RunOnce();
        return Periodic::Every(kPeriod);
      }) {
  for (const Drop& drop : chores_.drops) dropped_.push_back(MakeDropped(metrics, drop.what));
}

void Upkeep::RunOnce() {
  if (const Status compacted = chores_.compact(); !compacted.ok()) {
    logger_.Warning("old events were not compacted", {{"error", compacted.error().message}});
  }
  for (std::size_t i = 0; i < dropped_.size(); ++i) {
    Count(chores_.drops[i].what, dropped_[i], chores_.drops[i].run(clock_.Now()));
  }
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
