// QueueDrift: finds queues that somebody has taken away from their broker, and tells of brokers that do not answer.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "reconcilers/world.h"

namespace asya::reconcilers {

// Of one thread.
class QueueDrift {
 public:
  // `metrics`: none: nothing is counted.
  QueueDrift(QueueAdmins& queues, observe::Logger log, observe::Metrics* metrics);

  // Those of `queues` that are missing, as far as their brokers answer.
  std::vector<std::string> Missing(const std::vector<std::string>& queues);

 private:
  QueueAdmins& queues_;
  const observe::Logger log_;
  std::optional<observe::Counter> failures_;
  std::set<std::string> silent_;  // Transports whose brokers did not answer last time
};

}  // namespace asya::reconcilers
