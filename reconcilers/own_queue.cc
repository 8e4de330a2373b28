#include "reconcilers/own_queue.h"

namespace asya::reconcilers {

Result<OwnQueue> LookAtQueue(ports::QueueAdmin& admin, const ports::QueueSpec& queue) {
  const auto stats = admin.Stats(queue.name);
  if (!stats.ok()) {
    if (stats.error().code == ErrorCode::kNotFound) return OwnQueue{};
    return stats.error();
  }
  const auto owned = admin.Ensure(queue);
  if (!owned.ok()) {
    if (owned.error().code == ErrorCode::kConflict) return OwnQueue{};
    return owned.error();
  }
  return OwnQueue{true, stats->visible + stats->delayed + stats->in_flight};
}

std::string EnvelopeCount(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " envelope is" : " envelopes are");
}

}  // namespace asya::reconcilers
