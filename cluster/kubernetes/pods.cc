#include "cluster/kubernetes/pods.h"

#include <algorithm>
#include <string_view>

#include "cluster/kubernetes/child_kinds.h"
#include "cluster/kubernetes/pod_trouble.h"
#include "core/base/clock.h"

namespace asya::cluster::kubernetes {
namespace {

bool IsTrue(const json::Value* condition) { return condition != nullptr && condition->GetString("status") == "True"; }

std::int64_t RestartsOf(const json::Value& pod) {
  std::int64_t restarts = 0;
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    const json::Value* containers = pod.FindPath({"status", list});
    if (containers == nullptr || !containers->IsArray()) continue;
    for (const json::Value& container : containers->AsArray()) {
      restarts += container.GetInt("restartCount").value_or(0);
    }
  }
  return restarts;
}

// The runtime runs before its handler is loaded, and says in its log why it is not.
bool Runs(const json::Value& pod) {
  const json::Value* containers = pod.FindPath({"status", "containerStatuses"});
  if (containers == nullptr || !containers->IsArray() || containers->AsArray().empty()) return false;
  return std::ranges::all_of(containers->AsArray(), [](const json::Value& container) {
    return container.FindPath({"state", "running"}) != nullptr && container.GetBool("started") == true;
  });
}

// `truth` empty: as it was, or False.
void SetCondition(json::Value& deployment, std::string_view type, std::string_view truth, const std::string& reason,
                  const std::string& message) {
  json::Value& list = deployment["status"]["conditions"];
  if (!list.IsArray()) list = json::Array{};
  for (json::Value& condition : list.AsArray()) {
    if (condition.GetString("type") != type) continue;
    condition["message"] = message;
    condition["reason"] = reason;
    if (!truth.empty()) condition["status"] = truth;
    return;
  }
  list.AsArray().push_back(json::Object{
      {"type", type}, {"status", truth.empty() ? "False" : truth}, {"reason", reason}, {"message", message}});
}

}  // namespace

bool HasEnded(const json::Value& pod) {
  const json::Value* status = pod.Find("status");
  const std::string phase = status == nullptr ? "" : status->GetString("phase").value_or("");
  return phase == "Failed" || phase == "Succeeded";
}

ports::Replica ReplicaOf(const json::Value& pod) {
  ports::Replica replica;
  replica.name = MetadataOf(pod, "name");
  replica.draining = !MetadataOf(pod, "deletionTimestamp").empty();
  replica.restarts = RestartsOf(pod);
  const json::Value* ready = FindCondition(pod.Find("status"), "Ready");
  replica.ready = IsTrue(ready);
  const auto trouble = replica.ready ? std::nullopt : TroubleOf(pod);
  if (trouble) {
    replica.reason = trouble->reason;
    replica.message = trouble->message;
    replica.failing = trouble->needs_change;
  } else if (!replica.ready) {
    replica.message = Runs(pod) ? "runs, but is not ready; its log says why: kubectl logs -n " +
                                      MetadataOf(pod, "namespace") + " " + replica.name
                                : "starting";
  }
  const json::Value* started = pod.FindPath({"status", "startTime"});
  const std::string at =
      started != nullptr && started->IsString() ? started->AsString() : MetadataOf(pod, "creationTimestamp");
  replica.started_at = ParseRfc3339(at).value_or(WallTime{});
  if (replica.ready) replica.ready_at = ParseRfc3339(ready->GetString("lastTransitionTime").value_or(""));
  return replica;
}

json::Value WithPods(json::Value deployment, const std::vector<ports::Replica>& pods) {
  const json::Value* status = deployment.Find("status");
  if (status == nullptr) return deployment;
  const json::Value* refused = FindCondition(status, "ReplicaFailure");
  if (IsTrue(refused)) {
    const Trouble trouble = FailedCreate(*refused);
    SetCondition(deployment, "ReplicaFailure", "True", trouble.reason, trouble.message);
    return deployment;
  }
  if (status->Find("replicas") == nullptr) return deployment;
  const auto stays = [](const ports::Replica& pod) { return !pod.draining && !pod.message.empty(); };
  const auto failing = std::ranges::find_if(pods, [&stays](const auto& pod) { return stays(pod) && pod.failing; });
  if (failing != pods.end()) {
    SetCondition(deployment, "ReplicaFailure", "True", failing->reason, failing->name + ": " + failing->message);
  }
  auto told = std::ranges::find_if(pods, [&stays](const auto& pod) { return stays(pod) && !pod.reason.empty(); });
  if (told == pods.end()) told = std::ranges::find_if(pods, stays);
  if (told == pods.end()) return deployment;
  SetCondition(deployment, "Available", "", told->reason, told->name + ": " + told->message);
  return deployment;
}

}  // namespace asya::cluster::kubernetes
