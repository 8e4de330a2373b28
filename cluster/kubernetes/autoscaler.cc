#include "cluster/kubernetes/autoscaler.h"

#include <utility>

#include "cluster/kubernetes/child_kinds.h"
#include "cluster/kubernetes/own_object.h"

namespace asya::cluster::kubernetes {
namespace {

const Kind kAutoscaler{"autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"};
// The reason of ScalingActive=False while the workload has no replicas.
constexpr const char* kAtZero = "ScalingDisabled";

}  // namespace

ports::Autoscaler AutoscalerOf(const json::Value& hpa) {
  ports::Autoscaler autoscaler;
  if (const json::Value* metadata = hpa.Find("metadata")) autoscaler.name = metadata->GetString("name").value_or("");
  const json::Value* status = hpa.Find("status");
  if (status == nullptr) return autoscaler;
  autoscaler.replicas = status->GetInt("currentReplicas").value_or(0);
  autoscaler.desired = status->GetInt("desiredReplicas").value_or(0);
  for (const char* type : {"AbleToScale", "ScalingActive"}) {
    const json::Value* condition = FindCondition(status, type);
    if (condition == nullptr) continue;
    const std::string reason = condition->GetString("reason").value_or("");
    autoscaler.works = condition->GetString("status") != "False" || reason == kAtZero;
    if (*autoscaler.works) continue;
    autoscaler.reason = reason;
    autoscaler.message = condition->GetString("message").value_or("");
    break;
  }
  return autoscaler;
}

Result<std::optional<ports::Autoscaler>> FindAutoscaler(Client& client, const std::string& namespace_,
                                                        const std::string& scaled_object) {
  const ports::ResourceRef ref{"keda.sh/v1alpha1", "ScaledObject", namespace_, scaled_object};
  ASYA_TRY(const json::Value owner, FindObject(client, *FindChildKind(ref), ref));
  const json::Value* status = owner.Find("status");
  const std::string name = status == nullptr ? "" : status->GetString("hpaName").value_or("");
  const json::Value* paused = FindCondition(status, "Paused");
  if (name.empty() || (paused != nullptr && paused->GetString("status") == "True")) return {std::nullopt};
  ASYA_TRY(const json::Value hpa,
           FindObject(client, kAutoscaler, {kAutoscaler.api_version, kAutoscaler.name, namespace_, name}));
  if (hpa.IsObject()) return {AutoscalerOf(hpa)};
  return {ports::Autoscaler{name, false, 0, 0, "Missing", "KEDA has named it, and it is not there"}};
}

}  // namespace asya::cluster::kubernetes
