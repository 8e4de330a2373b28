// Scaler: takes from the reconciler which actors to keep sized, and by which policy.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "ports/cluster.h"

namespace asya::ports {

// spec.scaling of one actor after flavors and defaults.
struct ScalingPolicy {
  bool enabled = true;   // false: `fixed_replicas`, whatever waits
  bool paused = false;   // spec.paused: zero, whatever waits
  std::int64_t min_replicas = 0;
  std::int64_t max_replicas = 10;
  std::int64_t queue_length = 5;  // envelopes per replica
  std::chrono::microseconds cooldown = std::chrono::seconds(300);  // idle time before the drop to zero
  std::int64_t fixed_replicas = 1;  // spec.replicas, when not enabled
  friend bool operator==(const ScalingPolicy&, const ScalingPolicy&) = default;
};

struct ScaledActor {
  std::string namespace_;
  std::string actor;  // metadata.name of the AsyncActor
  std::string queue;
  ResourceRef deployment;
  ScalingPolicy policy;
  friend bool operator==(const ScaledActor&, const ScaledActor&) = default;
};

// Thread safe; calls return at once.
class Scaler {
 public:
  virtual ~Scaler() = default;
  // Idempotent: begins to size the actor, or takes its new policy.
  virtual void Set(const ScaledActor& actor) = 0;
  // Idempotent: leaves the actor's replicas as they are from now on.
  virtual void Remove(const std::string& namespace_, const std::string& actor) = 0;
};

}  // namespace asya::ports
