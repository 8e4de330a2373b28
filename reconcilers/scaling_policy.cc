#include "reconcilers/scaling_policy.h"

#include <chrono>

namespace asya::reconcilers {

ports::ScalingPolicy ScalingPolicyOf(const json::Value& effective_spec) {
  ports::ScalingPolicy policy;
  policy.paused = effective_spec.GetBool("paused").value_or(false);
  policy.fixed_replicas = effective_spec.GetInt("replicas").value_or(policy.fixed_replicas);
  const json::Value* scaling = effective_spec.Find("scaling");
  if (scaling == nullptr) return policy;
  policy.enabled = scaling->GetBool("enabled").value_or(policy.enabled);
  policy.min_replicas = scaling->GetInt("minReplicaCount").value_or(policy.min_replicas);
  policy.max_replicas = scaling->GetInt("maxReplicaCount").value_or(policy.max_replicas);
  policy.queue_length = scaling->GetInt("queueLength").value_or(policy.queue_length);
  if (const auto cooldown_s = scaling->GetInt("cooldownPeriod")) policy.cooldown = std::chrono::seconds(*cooldown_s);
  return policy;
}

}  // namespace asya::reconcilers
