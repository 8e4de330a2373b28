#include "scaling/decision_ring.h"

namespace asya::scaling {

void DecisionRing::Add(ports::Decision decision) {
  const std::lock_guard lock(mutex_);
  auto& ring = rings_[{decision.namespace_, decision.actor}];
  // A reason that changed nothing gives way to the next one, so that it pushes no change out.
  if (!ring.empty() && ring.front().from_replicas == ring.front().to_replicas) ring.pop_front();
  ring.push_front(std::move(decision));
  if (ring.size() > kDecisionsPerActor) ring.pop_back();
}

void DecisionRing::Forget(const std::string& namespace_, const std::string& actor) {
  const std::lock_guard lock(mutex_);
  rings_.erase({namespace_, actor});
}

std::vector<ports::Decision> DecisionRing::Last(const std::string& namespace_, const std::string& actor,
                                                std::int64_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<ports::Decision> last;
  const auto ring = rings_.find({namespace_, actor});
  if (ring == rings_.end()) return last;
  for (const auto& decision : ring->second) {
    if (static_cast<std::int64_t>(last.size()) >= limit) break;
    last.push_back(decision);
  }
  return last;
}

}  // namespace asya::scaling
