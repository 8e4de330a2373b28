#include "compositions/steps.h"

namespace asya::compositions {

std::optional<json::Value> RenderDeployment(const Context& context) {
  if (context.has_workload()) return std::nullopt;
  json::Value deployment = Child(context, "apps/v1", "Deployment", context.name, "actor");
  deployment["spec"] = json::Object{{"selector", json::Object{{"matchLabels", SelectorLabels(context)}}},
                                    {"template", RenderPodTemplate(context)}};
  // Where the actor scales, the count belongs to the scaler: writing it here would fight it at every turn.
  if (!context.scales())
    deployment["spec"]["replicas"] = context.paused() ? 0 : context.spec.GetInt("replicas").value_or(1);
  return deployment;
}

json::Value WithFirstReplicas(const Context& context, json::Value deployment) {
  if (!context.scales()) return deployment;
  const std::int64_t least = context.spec.Find("scaling")->GetInt("minReplicaCount").value_or(0);
  deployment["spec"]["replicas"] = context.paused() ? 0 : least;
  return deployment;
}

}  // namespace asya::compositions
