#include "cluster/kubernetes/pods.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::cluster::kubernetes {
namespace {

ports::Replica Of(const std::string& status) {
  return ReplicaOf(json::Parse(R"({"metadata":{"name":"echo-1","creationTimestamp":"2026-01-02T03:04:05Z"},"status":)" +
                               status + "}")
                       .value());
}

TEST(Pods, OneThatIsReadyHasNoMessage) {
  const auto replica = Of(R"({"startTime":"2026-01-02T03:04:06Z","conditions":[{"type":"Ready","status":"True",
    "lastTransitionTime":"2026-01-02T03:04:09Z"}],"containerStatuses":[{"name":"asya-runtime","restartCount":2,
    "lastState":{"terminated":{"exitCode":9}}}]})");
  EXPECT_TRUE(replica.ready);
  EXPECT_EQ(replica.message, "");
  EXPECT_EQ(replica.restarts, 2);
  EXPECT_EQ(FormatRfc3339(replica.started_at), "2026-01-02T03:04:06Z");
  ASSERT_TRUE(replica.ready_at);
  EXPECT_EQ(FormatRfc3339(*replica.ready_at), "2026-01-02T03:04:09Z");
}

TEST(Pods, TellsWhatKeepsOneFromBeingReady) {
  EXPECT_EQ(Of("{}").message, "starting");
  EXPECT_EQ(Of(R"({"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable",
    "message":"0/1 nodes are available: 1 Insufficient nvidia.com/gpu."}]})")
                .message,
            "Unschedulable: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.");
  EXPECT_EQ(Of(R"({"containerStatuses":[{"name":"asya-runtime","state":{"waiting":{"reason":"ContainerCreating"}}}]})")
                .message,
            "starting");
  EXPECT_EQ(Of(R"({"containerStatuses":[{"name":"asya-runtime","state":{"waiting":{"reason":"ImagePullBackOff",
    "message":"Back-off pulling image \"x\""}}}]})")
                .message,
            "asya-runtime: ImagePullBackOff: Back-off pulling image \"x\"");
  const auto looping = Of(R"({"initContainerStatuses":[{"name":"asya-relay","restartCount":3,
    "state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":1,"reason":"Error",
    "message":"no broker"}}}]})");
  EXPECT_EQ(looping.message, "asya-relay: CrashLoopBackOff; exited with status 1 (Error: no broker)");
  EXPECT_EQ(looping.restarts, 3);
  EXPECT_EQ(Of(R"({"phase":"Failed","reason":"Evicted","message":"low on memory"})").message, "Evicted: low on memory");
}

std::string Conditions(const std::vector<ports::Replica>& pods) {
  const auto deployment =
      json::Parse(R"({"status":{"replicas":2,"conditions":[{"type":"Available","status":"False","message":"no"}]}})");
  return json::Dump(*WithPods(*deployment, pods).FindPath({"status", "conditions"}));
}

TEST(Pods, AreHeardInTheConditionsOfTheirDeployment) {
  ports::Replica ready;
  ready.ready = true;
  ports::Replica starting;
  starting.name = "echo-1";
  starting.message = "starting";
  ports::Replica failing;
  failing.name = "echo-2";
  failing.message = "asya-runtime: ImagePullBackOff: no such image";
  EXPECT_EQ(Conditions({ready}), R"([{"message":"no","status":"False","type":"Available"}])");
  EXPECT_EQ(Conditions({ready, starting}), R"([{"message":"echo-1: starting","status":"False","type":"Available"}])");
  EXPECT_EQ(Conditions({starting, failing}),
            R"([{"message":"echo-1: starting","status":"False","type":"Available"},)"
            R"({"message":"echo-2: asya-runtime: ImagePullBackOff: no such image","status":"True",)"
            R"("type":"ReplicaFailure"}])");
}

}  // namespace
}  // namespace asya::cluster::kubernetes
