#include "cluster/kubernetes/pods.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::cluster::kubernetes {
namespace {

ports::Replica Of(const std::string& status) {
  return ReplicaOf(
      json::Parse(
          R"({"metadata":{"name":"echo-1","namespace":"team","creationTimestamp":"2026-01-02T03:04:05Z"},"status":)" +
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
  EXPECT_EQ(Of("{}").reason, "");
  const auto looping = Of(R"({"initContainerStatuses":[{"name":"asya-relay","restartCount":3,
    "state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":1,"reason":"Error",
    "message":"no broker"}}}]})");
  EXPECT_EQ(looping.message, "asya-relay: ended with status 1: no broker");
  EXPECT_EQ(looping.reason, "CrashLoopBackOff");
  EXPECT_TRUE(looping.failing);
  EXPECT_EQ(looping.restarts, 3);
  EXPECT_EQ(Of(R"({"containerStatuses":[{"name":"asya-runtime","started":true,"state":{"running":{}}}]})").message,
            "runs, but is not ready; its log says why: kubectl logs -n team echo-1");
  EXPECT_EQ(Of(R"({"phase":"Failed","reason":"Evicted","message":"low on memory"})").message, "low on memory");
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
  failing.reason = "ImagePullBackOff";
  failing.failing = true;
  failing.message = "no such image";
  EXPECT_EQ(Conditions({ready}), R"([{"message":"no","status":"False","type":"Available"}])");
  EXPECT_EQ(Conditions({ready, starting}),
            R"([{"message":"echo-1: starting","reason":"","status":"False","type":"Available"}])");
  EXPECT_EQ(
      Conditions({starting, failing}),
      R"([{"message":"echo-2: no such image","reason":"ImagePullBackOff","status":"False","type":"Available"},)"
      R"({"message":"echo-2: no such image","reason":"ImagePullBackOff","status":"True","type":"ReplicaFailure"}])");
  failing.draining = true;
  EXPECT_EQ(Conditions({failing}), R"([{"message":"no","status":"False","type":"Available"}])");
}

TEST(Pods, AreNotHeardWhereThereAreNone) {
  const auto deployment = json::Parse(R"({"status":{"conditions":[{"type":"ReplicaFailure","status":"True",
    "reason":"FailedCreate","message":"pods \"a-x1\" is forbidden: exceeded quota: small"}]}})");
  EXPECT_EQ(WithPods(*deployment, {}).FindPath({"status", "conditions"})->AsArray()[0].GetString("reason"),
            "QuotaExceeded");
}

}  // namespace
}  // namespace asya::cluster::kubernetes
