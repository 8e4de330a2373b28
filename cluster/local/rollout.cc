#include "cluster/local/rollout.h"

#include <algorithm>
#include <tuple>

namespace asya::cluster::local {
namespace {

void DrainSome(std::vector<ReplicaFacts> candidates, std::int64_t count, std::vector<std::string>& drain) {
  std::ranges::sort(candidates, [](const ReplicaFacts& a, const ReplicaFacts& b) {
    return std::tie(a.ready, a.in_flight, a.age, a.name) < std::tie(b.ready, b.in_flight, b.age, b.name);
  });
  const auto bounded = std::clamp<std::int64_t>(count, 0, static_cast<std::int64_t>(candidates.size()));
  for (std::size_t i = 0; i < static_cast<std::size_t>(bounded); ++i) drain.push_back(candidates[i].name);
}

}  // namespace

RolloutStep PlanRollout(const std::vector<ReplicaFacts>& replicas, std::int64_t desired) {
  std::vector<ReplicaFacts> current;
  std::vector<ReplicaFacts> serving_old;
  RolloutStep step;
  for (const auto& replica : replicas) {
    if (replica.current) {
      current.push_back(replica);
    } else if (replica.ready && desired > 0) {
      serving_old.push_back(replica);
    } else {
      step.drain.push_back(replica.name);
    }
  }
  const auto current_count = static_cast<std::int64_t>(current.size());
  const auto old_count = static_cast<std::int64_t>(serving_old.size());
  DrainSome(current, current_count - desired, step.drain);
  const auto ready_current = static_cast<std::int64_t>(std::ranges::count_if(current, &ReplicaFacts::ready));
  DrainSome(serving_old, ready_current + old_count - desired, step.drain);
  const std::int64_t surge = old_count > 0 ? std::max<std::int64_t>(1, desired / 4) : 0;
  step.start = std::clamp<std::int64_t>(desired + surge - current_count - old_count, 0,
                                        std::max<std::int64_t>(desired - current_count, 0));
  return step;
}

}  // namespace asya::cluster::local
