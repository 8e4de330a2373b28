#include "reconcilers/actor_status.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::reconcilers {
namespace {

ActorFacts Healthy(std::int64_t desired, std::int64_t ready) {
  ActorFacts facts;
  facts.generation = 3;
  facts.sync = Part{Truth::kTrue, "Synced", ""};
  facts.queue = Part{Truth::kTrue, "QueueExists", ""};
  facts.scaler = Part{Truth::kTrue, "Scaling", ""};
  facts.workload.part = Part{ready >= desired ? Truth::kTrue : Truth::kFalse, "Starting", "some message"};
  facts.workload.desired = desired;
  facts.workload.replicas = desired;
  facts.workload.ready_replicas = ready;
  return facts;
}

struct Expected {
  const char* phase;
  const char* ready;
  const char* reason;
};

void Expect(const ActorFacts& facts, const Expected& expected) {
  const json::Value status = ActorStatus(facts, nullptr, WallTime{});
  const json::Value& ready = status.Find("conditions")->AsArray()[0];
  EXPECT_EQ(status.GetString("phase"), expected.phase);
  EXPECT_EQ(ready.GetString("type"), "Ready");
  EXPECT_EQ(ready.GetString("status"), expected.ready);
  EXPECT_EQ(ready.GetString("reason"), expected.reason);
}

TEST(ActorStatus, SummarisesItsParts) {
  Expect(Healthy(0, 0), {"Napping", "True", "Napping"});
  Expect(Healthy(2, 2), {"Ready", "True", "Ready"});
  Expect(Healthy(2, 1), {"Ready", "True", "Ready"});
  Expect(Healthy(2, 0), {"Creating", "False", "Starting"});
  ActorFacts facts = Healthy(1, 0);
  facts.workload.failing = true;
  facts.workload.part.reason = "ReplicasFail";
  Expect(facts, {"Degraded", "False", "ReplicasFail"});
  facts.workload.ready_replicas = 1;
  Expect(facts, {"Degraded", "True", "ReplicasFail"});
  facts.paused = true;
  Expect(facts, {"Paused", "True", "Paused"});
  facts.queue = Part{Truth::kFalse, "QueueTaken", "x"};
  Expect(facts, {"Degraded", "False", "QueueTaken"});
  facts.sync = Part{Truth::kFalse, "FlavorMissing", "x"};
  Expect(facts, {"Degraded", "False", "FlavorMissing"});
  facts.deleting = true;
  Expect(facts, {"Terminating", "False", "Terminating"});
  ActorFacts unseen = Healthy(0, 0);
  unseen.workload.part = Part{};
  Expect(unseen, {"Creating", "False", "NotSeenYet"});
}

TEST(ActorStatus, ABrokenScalerCountsWhereNothingRuns) {
  const Part broken{Truth::kFalse, "TriggerError", "x"};
  ActorFacts facts = Healthy(0, 0);
  facts.scaler = broken;
  Expect(facts, {"Degraded", "False", "TriggerError"});
  facts.scaler.ready = Truth::kUnknown;
  Expect(facts, {"Creating", "False", "TriggerError"});
  facts.paused = true;
  Expect(facts, {"Paused", "True", "Paused"});
  facts = Healthy(1, 1);
  facts.scaler = broken;
  Expect(facts, {"Ready", "True", "Ready"});
  facts.workload = ExternalWorkload(ports::BoundCount{3, 0, 3}, true);
  Expect(facts, {"Ready", "True", "Ready"});
  facts.workload = ExternalWorkload(std::nullopt, true);
  Expect(facts, {"Ready", "True", "External"});
  facts.workload = ExternalWorkload(ports::BoundCount{}, true);
  Expect(facts, {"Degraded", "False", "TriggerError"});
}

TEST(ActorStatus, KeepsTheTimeOfATransition) {
  const WallTime first{std::chrono::seconds(1'700'000'000)};
  const json::Value before = ActorStatus(Healthy(0, 0), nullptr, first);
  EXPECT_EQ(ActorStatus(Healthy(0, 0), &before, first + std::chrono::hours(1)), before);
  const json::Value after = ActorStatus(Healthy(1, 0), &before, first + std::chrono::hours(1));
  EXPECT_EQ(after.Find("conditions")->AsArray()[0].GetString("lastTransitionTime"), "2023-11-14T23:13:20Z");
  EXPECT_EQ(after.Find("conditions")->AsArray()[1].GetString("lastTransitionTime"), "2023-11-14T22:13:20Z");
}

TEST(ReadWorkload, ReadsADeployment) {
  ports::Observed child;
  child.ref.kind = "Deployment";
  child.object = json::Parse(R"({"spec":{"replicas":2,"selector":{"matchLabels":{"b":"2","a":"1"}}},
      "status":{"replicas":2,"readyReplicas":1,"conditions":[
        {"type":"Available","status":"False","message":"infer-1: is starting"},
        {"type":"ReplicaFailure","status":"False","message":""}]}})")
                     .value();
  Workload workload = ReadWorkload({child});
  EXPECT_EQ(workload.desired, 2);
  EXPECT_EQ(workload.ready_replicas, 1);
  EXPECT_FALSE(workload.failing);
  EXPECT_EQ(workload.selector, "a=1,b=2");
  EXPECT_EQ(workload.part.message, "infer-1: is starting");
  child.object["status"]["conditions"].AsArray()[1]["status"] = "True";
  child.object["status"]["conditions"].AsArray()[1]["message"] = "SyntaxError";
  workload = ReadWorkload({child});
  EXPECT_TRUE(workload.failing);
  EXPECT_EQ(workload.part.reason + " " + workload.part.message, "ReplicasFail SyntaxError");
  child.object["status"]["conditions"].AsArray()[1]["reason"] = "ImagePullBackOff";
  EXPECT_EQ(ReadWorkload({child}).part.reason, "ImagePullBackOff");
  child.object["status"]["conditions"].AsArray()[1]["status"] = "False";
  for (const auto& [reason, told] : {std::pair("Unschedulable", "Unschedulable"),
                                     std::pair("MinimumReplicasUnavailable", "Starting"), std::pair("", "Starting")}) {
    child.object["status"]["conditions"].AsArray()[0]["reason"] = reason;
    EXPECT_EQ(ReadWorkload({child}).part.reason, told);
  }
  EXPECT_EQ(ReadWorkload({}).part.ready, Truth::kUnknown);
}

TEST(ActorStatus, CountsThePodsOfOthers) {
  ActorFacts facts = Healthy(0, 0);
  facts.workload = ExternalWorkload(ports::BoundCount{3, 0, 3}, true);
  Expect(facts, {"Ready", "True", "Ready"});
  EXPECT_EQ(facts.workload.part.reason, "External");
  const json::Value status = ActorStatus(facts, nullptr, WallTime{});
  EXPECT_EQ(status.FindPath({"infrastructure", "workload", "replicas"})->AsInt(), 3);
  EXPECT_EQ(status.FindPath({"infrastructure", "workload", "readyReplicas"})->AsInt(), 3);
  facts.workload = ExternalWorkload(ports::BoundCount{3, 0, 1}, false);
  Expect(facts, {"Ready", "True", "Ready"});
  facts.workload = ExternalWorkload(ports::BoundCount{3, 0, 0}, true);
  Expect(facts, {"Creating", "False", "Starting"});
}

TEST(ActorStatus, OnlyAWorkloadThatWorkStartsIsAtRestWithoutPods) {
  ActorFacts facts = Healthy(0, 0);
  facts.workload = ExternalWorkload(ports::BoundCount{}, true);
  Expect(facts, {"Napping", "True", "Napping"});
  facts.workload = ExternalWorkload(ports::BoundCount{}, false);
  Expect(facts, {"Creating", "False", "AwaitingPods"});
  EXPECT_EQ(facts.workload.part.ready, Truth::kFalse);
}

TEST(ActorStatus, TellsOfPodsOfOthersThatLackTheirRelay) {
  ActorFacts facts = Healthy(0, 0);
  facts.workload = ExternalWorkload(ports::BoundCount{3, 1, 2}, true);
  Expect(facts, {"Degraded", "True", "PodsWithoutRelay"});
  EXPECT_TRUE(facts.workload.part.message.starts_with("1 of 3 pods that ask for the relay have none"));
  facts.workload = ExternalWorkload(ports::BoundCount{3, 3, 0}, true);
  Expect(facts, {"Degraded", "False", "PodsWithoutRelay"});
}

}  // namespace
}  // namespace asya::reconcilers
