// Rollout: which replicas to start and which to drain so that a Deployment gets to its count and newest template; pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace asya::cluster::local {

struct ReplicaFacts {
  std::string name;
  bool current = true;  // of the newest pod template
  bool ready = false;
  std::int64_t in_flight = 0;
  std::int64_t age = 0;  // any unit; larger is older
};

struct RolloutStep {
  std::int64_t start = 0;
  std::vector<std::string> drain;
};

// `replicas` without those that drain already. Old replicas that serve stay until as many new ones are ready; old
// ones that do not serve go at once. More than `desired` run only by the surge of a quarter, at least one. Surplus
// goes idle first, and of the idle the youngest, whose caches are the coldest.
RolloutStep PlanRollout(const std::vector<ReplicaFacts>& replicas, std::int64_t desired);

}  // namespace asya::cluster::local
