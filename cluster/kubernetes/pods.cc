#include "cluster/kubernetes/pods.h"

#include <algorithm>
#include <string_view>

#include "cluster/kubernetes/child_kinds.h"
#include "core/base/clock.h"

namespace asya::cluster::kubernetes {
namespace {

bool IsTrue(const json::Value* condition) { return condition != nullptr && condition->GetString("status") == "True"; }

std::string Words(const json::Value& told) {
  const std::string reason = told.GetString("reason").value_or("");
  const std::string message = told.GetString("message").value_or("");
  if (reason.empty() || message.empty()) return reason + message;
  return reason + ": " + message;
}

// Why a container does not run, or ended; empty where it runs.
std::string Trouble(const json::Value& container) {
  const std::string name = container.GetString("name").value_or("");
  const json::Value* waiting = container.FindPath({"state", "waiting"});
  const json::Value* ended = container.FindPath({"lastState", "terminated"});
  if (ended == nullptr) ended = container.FindPath({"state", "terminated"});
  std::string text;
  if (waiting != nullptr) {
    const std::string reason = waiting->GetString("reason").value_or("");
    if (reason == "PodInitializing" || reason == "ContainerCreating") return {};
    text = Words(*waiting);
  }
  const auto status = ended == nullptr ? std::nullopt : ended->GetInt("exitCode");
  if (status && *status != 0) {
    text += (text.empty() ? "" : "; ") + std::string("exited with status ") + std::to_string(*status);
    const std::string words = Words(*ended);
    if (!words.empty() && words != "Error") text += " (" + words + ")";
  }
  return text.empty() ? text : name + ": " + text;
}

std::string WhyNotReady(const json::Value& pod, std::int64_t& restarts) {
  std::string why;
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    const json::Value* containers = pod.FindPath({"status", list});
    if (containers == nullptr || !containers->IsArray()) continue;
    for (const json::Value& container : containers->AsArray()) {
      restarts += container.GetInt("restartCount").value_or(0);
      if (why.empty()) why = Trouble(container);
    }
  }
  if (!why.empty()) return why;
  const json::Value* scheduled = FindCondition(pod.Find("status"), "PodScheduled");
  if (scheduled != nullptr && !IsTrue(scheduled)) return Words(*scheduled);
  const json::Value* status = pod.Find("status");
  if (status != nullptr && status->GetString("phase") == "Failed") return Words(*status);
  return "starting";
}

bool NeedsAChange(const std::string& message) {
  static constexpr std::string_view kReasons[] = {
      "CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull",
      "ErrImagePull",     "ImagePullBackOff",           "InvalidImageName",     "RunContainerError"};
  return std::ranges::any_of(kReasons,
                             [&message](std::string_view reason) { return message.find(reason) != std::string::npos; });
}

// `truth` empty: as it was, or False.
void SetCondition(json::Value& deployment, std::string_view type, std::string_view truth, const std::string& message) {
  json::Value& list = deployment["status"]["conditions"];
  if (!list.IsArray()) list = json::Array{};
  for (json::Value& condition : list.AsArray()) {
    if (condition.GetString("type") != type) continue;
    condition["message"] = message;
    if (!truth.empty()) condition["status"] = truth;
    return;
  }
  list.AsArray().push_back(
      json::Object{{"type", type}, {"status", truth.empty() ? "False" : truth}, {"message", message}});
}

}  // namespace

ports::Replica ReplicaOf(const json::Value& pod) {
  ports::Replica replica;
  replica.name = MetadataOf(pod, "name");
  replica.draining = !MetadataOf(pod, "deletionTimestamp").empty();
  const std::string why = WhyNotReady(pod, replica.restarts);
  const json::Value* ready = FindCondition(pod.Find("status"), "Ready");
  replica.ready = IsTrue(ready);
  if (!replica.ready) replica.message = why;
  const json::Value* started = pod.FindPath({"status", "startTime"});
  const std::string at =
      started != nullptr && started->IsString() ? started->AsString() : MetadataOf(pod, "creationTimestamp");
  replica.started_at = ParseRfc3339(at).value_or(WallTime{});
  if (replica.ready) replica.ready_at = ParseRfc3339(ready->GetString("lastTransitionTime").value_or(""));
  return replica;
}

json::Value WithPods(json::Value deployment, const std::vector<ports::Replica>& pods) {
  const auto waiting = std::ranges::find_if(pods, [](const ports::Replica& pod) { return !pod.message.empty(); });
  if (waiting == pods.end() || deployment.FindPath({"status", "replicas"}) == nullptr) return deployment;
  const std::string message = waiting->name + ": " + waiting->message;
  SetCondition(deployment, "Available", "", message);
  const auto failing = std::ranges::find_if(pods, [](const ports::Replica& pod) { return NeedsAChange(pod.message); });
  if (failing != pods.end()) {
    SetCondition(deployment, "ReplicaFailure", "True", failing->name + ": " + failing->message);
  }
  return deployment;
}

}  // namespace asya::cluster::kubernetes
