#include "reconcilers/queue_drift.h"

#include <utility>

namespace asya::reconcilers {

QueueDrift::QueueDrift(QueueAdmins& queues, observe::Logger log, observe::Metrics* metrics)
    : queues_(queues), log_(std::move(log)) {
  if (metrics == nullptr) return;
  failures_ = metrics->MakeCounter("asya_queue_lists_failed_total",
                                   "Looks for queues that went missing which a broker did not answer.");
}

std::vector<std::string> QueueDrift::Missing(const std::vector<std::string>& queues) {
  FoundQueues found = queues_.FindMissing(queues);
  for (const auto& [transport, error] : found.silent) {
    if (failures_) failures_->Add();
    if (!silent_.insert(transport).second) continue;
    log_.Warning("a broker does not tell its queues; those that are taken away there are not made again until it does",
                 {{"transport", transport}, {"error", error.message}});
  }
  for (auto known = silent_.begin(); known != silent_.end();) {
    if (found.silent.contains(*known)) {
      ++known;
      continue;
    }
    log_.Info("a broker tells its queues again", {{"transport", *known}});
    known = silent_.erase(known);
  }
  return std::move(found.missing);
}

}  // namespace asya::reconcilers
