#include "reconcilers/keda_status.h"

#include <algorithm>

#include "ports/resource.h"

namespace asya::reconcilers {
namespace {

constexpr const char* kPausedPrefix = "autoscaling.keda.sh/paused";

bool IsTrue(const json::Value* condition) { return condition != nullptr && condition->GetString("status") == "True"; }

// It may have gone again, with KEDA yet to say so.
bool HasPausedAnnotation(const json::Value& object) {
  const json::Value* annotations = object.FindPath({"metadata", "annotations"});
  if (annotations == nullptr || !annotations->IsObject()) return false;
  return std::ranges::any_of(annotations->AsObject(),
                             [](const auto& entry) { return entry.first.starts_with(kPausedPrefix); });
}

// "ScaledObject infer (HPA keda-hpa-infer)".
std::string Named(const ports::Observed& child) {
  const json::Value* status = child.object.Find("status");
  const std::string autoscaler = status == nullptr ? "" : status->GetString("hpaName").value_or("");
  return "ScaledObject " + child.ref.name + (autoscaler.empty() ? "" : " (HPA " + autoscaler + ")");
}

Part Told(Truth truth, const json::Value& condition, const char* reason, const std::string& words) {
  const std::string own = condition.GetString("reason").value_or("");
  const std::string message = condition.GetString("message").value_or("");
  return Part{truth, own.empty() ? reason : own, words + (message.empty() ? "" : ": " + message)};
}

}  // namespace

std::optional<Part> KedaTrouble(const std::vector<ports::Observed>& children, bool paused) {
  const auto child = std::ranges::find_if(children, [](const auto& one) { return one.ref.kind == "ScaledObject"; });
  const json::Value* status = child == children.end() ? nullptr : child->object.Find("status");
  const json::Value* ready = ports::FindCondition(status, "Ready");
  const std::string truth = ready == nullptr ? "" : ready->GetString("status").value_or("");
  const bool is_unknown = truth != "True" && truth != "False";
  // KEDA begins with an Unknown that says nothing.
  if (ready == nullptr || (is_unknown && ready->GetString("reason").value_or("").empty())) {
    return Part{Truth::kUnknown, "WaitingForKeda",
                "KEDA has not looked at the ScaledObject yet; where that lasts, its operator does not run, or looks "
                "at other namespaces"};
  }
  const std::string name = Named(*child);
  if (truth == "False") return Told(Truth::kFalse, *ready, "ScaledObjectNotReady", "KEDA cannot scale by " + name);
  const json::Value* fallback = ports::FindCondition(status, "Fallback");
  if (IsTrue(fallback)) {
    return Told(Truth::kFalse, *fallback, "FallbackExists",
                "KEDA gets no numbers by " + name + " and holds the replicas");
  }
  const json::Value* stopped = ports::FindCondition(status, "Paused");
  if (!paused && IsTrue(stopped) && HasPausedAnnotation(child->object)) {
    return Part{Truth::kFalse, "ScaledObjectPaused",
                name + " has been paused by hand; take its annotation " + kPausedPrefix + "… off"};
  }
  if (is_unknown) return Told(Truth::kUnknown, *ready, "ScaledObjectUnknown", "KEDA can scale in part by " + name);
  return std::nullopt;
}

}  // namespace asya::reconcilers
