// How an actor is told to be where KEDA scales it, well or not.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/simulation/control_plane.h"

namespace asya::simulation {
namespace {

using std::chrono::seconds;

class ActorOfKeda : public ::testing::Test {
 protected:
  ActorOfKeda() {
    plane_.keda_scales = true;
    plane_.Restart();
  }
  // `more` of the status.
  void Tell(const std::string& truth, const std::string& reason, const std::string& message,
            const std::string& more = "") {
    plane_.cluster.SetStatus("ScaledObject", "infer",
                             Json(R"({"hpaName":"keda-hpa-infer","conditions":[{"type":"Ready","status":")" + truth +
                                  R"(","reason":")" + reason + R"(","message":")" + message + R"("}])" + more + "}"));
    plane_.Run(seconds(2));
  }
  void TellReady(const std::string& more = "") { Tell("True", "ScaledObjectReady", "fine", more); }

  ControlPlane plane_{1};
};

TEST_F(ActorOfKeda, WaitsForItAtFirst) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(5));
  EXPECT_EQ(plane_.Phase("infer"), "Creating");
  EXPECT_EQ(plane_.Condition("infer", "ScalerReady").substr(0, 22), "Unknown WaitingForKeda");
  EXPECT_EQ(plane_.Condition("infer", "Ready").substr(0, 20), "False WaitingForKeda");
  TellReady();
  EXPECT_EQ(plane_.Phase("infer"), "Napping");
  EXPECT_EQ(plane_.Condition("infer", "ScalerReady"), "True Scaling between 0 and 10 replicas");
}

TEST_F(ActorOfKeda, IsDegradedWhileItCannotWake) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(5));
  TellReady();
  Tell("False", "TriggerError", "the certificate is signed by an unknown authority");
  const std::string told =
      "False TriggerError KEDA cannot scale by ScaledObject infer (HPA keda-hpa-infer): the certificate is signed by "
      "an unknown authority";
  EXPECT_EQ(plane_.Condition("infer", "ScalerReady"), told);
  EXPECT_EQ(plane_.Phase("infer"), "Degraded");
  EXPECT_EQ(plane_.Condition("infer", "Ready"), told);
  EXPECT_NE(plane_.Event("infer", "TriggerError").find("Warning KEDA cannot scale"), std::string::npos);
  TellReady();
  EXPECT_EQ(plane_.Phase("infer"), "Napping");
}

TEST_F(ActorOfKeda, WithReplicasItWorksOnAndTheScalerIsTold) {
  plane_.CreateActor("infer", R"(,"scaling":{"minReplicaCount":1})");
  plane_.Run(seconds(5));
  TellReady(R"(,"lastActiveTime":"2026-01-01T00:00:00Z")");
  EXPECT_EQ(plane_.Phase("infer"), "Ready");
  Tell("False", "TriggerError", "x");
  EXPECT_EQ(plane_.Phase("infer"), "Ready");
  EXPECT_EQ(plane_.Condition("infer", "ScalerReady").substr(0, 18), "False TriggerError");
}

TEST_F(ActorOfKeda, OneThatIsPausedNeedsNoScaler) {
  plane_.CreateActor("infer", R"(,"paused":true)");
  plane_.Run(seconds(5));
  EXPECT_EQ(plane_.Phase("infer"), "Paused");
}

TEST_F(ActorOfKeda, OneWithoutAScaledObjectDoesNotAskForIt) {
  plane_.CreateActor("infer", R"(,"scaling":{"enabled":false})");
  plane_.Run(seconds(5));
  EXPECT_EQ(plane_.Condition("infer", "ScalerReady"), "True Fixed spec.replicas is 1");
  EXPECT_EQ(plane_.Phase("infer"), "Ready");
}

TEST_F(ActorOfKeda, WhatChangesWithTheWorkIsNotWritten) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(5));
  TellReady();
  plane_.Run(seconds(5));
  const auto store = plane_.store.writes();
  const auto cluster = plane_.cluster.writes();
  for (int i = 0; i < 10; ++i) {
    TellReady(R"(,"lastActiveTime":"2026-01-01T00:00:0)" + std::to_string(i) + R"(Z")");
  }
  EXPECT_EQ(plane_.store.writes(), store);
  EXPECT_EQ(plane_.cluster.writes(), cluster);
}

TEST_F(ActorOfKeda, ItsScalerGoesBeforeItsWorkload) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(5));
  plane_.Delete("asyncactors", "default", "infer");
  plane_.Run(seconds(5));
  const auto& deleted = plane_.cluster.deleted;
  ASSERT_FALSE(deleted.empty());
  EXPECT_EQ(deleted.front(), "ScaledObject");
  EXPECT_NE(std::ranges::find(deleted, "Deployment"), deleted.end());
}

TEST_F(ActorOfKeda, ItsDeletionSaysWhatOnlyTheOperatorCanLetGo) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(5));
  plane_.cluster.held["ScaledObject"] = "finalizer.keda.sh";
  plane_.Delete("asyncactors", "default", "infer");
  plane_.Run(seconds(10));
  ASSERT_EQ(plane_.Phase("infer"), "Terminating");
  EXPECT_EQ(plane_.Condition("infer", "Ready"),
            "False Terminating waits for ScaledObject infer to go: whoever put its finalizer finalizer.keda.sh there "
            "has to take it off, which KEDA does while its operator runs");
  plane_.cluster.held.clear();
  plane_.Run(seconds(10));
  EXPECT_FALSE(plane_.Get("infer").has_value());
}

class ActorOfOthersPods : public ActorOfKeda {
 protected:
  ActorOfOthersPods() {
    plane_.counts_bound_pods = true;
    plane_.Restart();
  }
  void Bind(const std::string& kind) {
    plane_.Create("asyncactors",
                  R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":"infer",
                      "namespace":"default"},"spec":{"handler":"h.f","workloadRef":{"apiVersion":"apps/v1","kind":")" +
                      kind + R"(","name":"vllm"}}})");
    plane_.Run(seconds(5));
  }
  void SetPods(const ports::BoundCount& count) {
    plane_.bound_pods.Set("default", "infer", count);
    plane_.Run(seconds(2));
  }
  std::int64_t Replicas() {
    return plane_.Get("infer")->FindPath({"status", "infrastructure", "workload", "replicas"})->AsInt();
  }
};

TEST_F(ActorOfOthersPods, IsAtRestWithoutPodsWhereKedaScalesThem) {
  Bind("Deployment");
  TellReady();
  EXPECT_EQ(plane_.Condition("infer", "ScalerReady"), "True Scaling between 0 and 10 replicas");
  EXPECT_EQ(plane_.Phase("infer"), "Napping");
  SetPods({3, 0, 2});
  EXPECT_EQ(plane_.Phase("infer"), "Ready");
  EXPECT_EQ(plane_.Condition("infer", "Ready"), "True Ready 2 of 3 replicas are ready");
  EXPECT_EQ(Replicas(), 3);
}

TEST_F(ActorOfOthersPods, WaitsForPodsThatItCannotScale) {
  Bind("DaemonSet");
  EXPECT_EQ(plane_.Condition("infer", "ScalerReady"), "True NothingToScale the pods belong to somebody else");
  EXPECT_EQ(plane_.Phase("infer"), "Creating");
  EXPECT_EQ(plane_.Condition("infer", "Ready").substr(0, 18), "False AwaitingPods");
  SetPods({1, 0, 1});
  EXPECT_EQ(plane_.Phase("infer"), "Ready");
}

}  // namespace
}  // namespace asya::simulation
