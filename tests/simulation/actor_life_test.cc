#include <gtest/gtest.h>

#include "tests/simulation/control_plane.h"

namespace asya::simulation {
namespace {

using std::chrono::seconds;

class ActorLife : public ::testing::Test {
 protected:
  ControlPlane plane_{1};
};

TEST_F(ActorLife, ANewActorGetsItsQueueItsChildrenAndANap) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(3));
  EXPECT_EQ(plane_.Phase("infer"), "Napping");
  EXPECT_EQ(plane_.Condition("infer", "Ready").substr(0, 13), "True Napping ");
  for (const char* type : {"Synced", "QueueReady", "ScalerReady", "WorkloadReady"}) {
    EXPECT_EQ(plane_.Condition("infer", type).substr(0, 5), "True ") << type << ": " << plane_.Condition("infer", type);
  }
  const auto actor = *plane_.Get("infer");
  EXPECT_EQ(plane_.queues.queues.at("asya-default-infer").owner, *actor.Find("metadata")->GetString("uid"));
  const json::Value* deployment = plane_.cluster.Find("Deployment", "infer");
  ASSERT_NE(deployment, nullptr);
  EXPECT_EQ(deployment->Find("spec")->GetInt("replicas"), 0);
  EXPECT_EQ(actor.Find("status")->GetString("queueIdentifier"), "asya-default-infer");
  EXPECT_EQ(actor.Find("status")->GetString("transport"), "sqlite");
  EXPECT_EQ(actor.FindPath({"status", "infrastructure", "queue", "waiting"})->AsInt(), 0);
}

TEST_F(ActorLife, NothingIsWrittenWhenNothingChanged) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(5));
  const auto store = plane_.store.writes();
  const auto cluster = plane_.cluster.writes();
  plane_.Run(seconds(120));
  EXPECT_EQ(plane_.store.writes(), store);
  EXPECT_EQ(plane_.cluster.writes(), cluster);
  plane_.Restart();
  plane_.Run(seconds(60));
  EXPECT_EQ(plane_.store.writes(), store);
  EXPECT_EQ(plane_.cluster.writes(), cluster);
}

TEST_F(ActorLife, WorkWakesItAndItsDepthIsTold) {
  plane_.CreateActor("infer", R"(,"scaling":{"queueLength":1,"cooldownPeriod":20})");
  plane_.Run(seconds(3));
  plane_.queues.Publish("asya-default-infer", 3);
  plane_.Run(seconds(5));
  EXPECT_EQ(plane_.Phase("infer"), "Ready");
  EXPECT_EQ(plane_.cluster.RunningOf("infer"), 3);
  EXPECT_EQ(plane_.Get("infer")->FindPath({"status", "infrastructure", "queue", "waiting"})->AsInt(), 3);
  EXPECT_EQ(plane_.Get("infer")->FindPath({"status", "infrastructure", "workload", "replicas"})->AsInt(), 3);
  plane_.queues.queues.at("asya-default-infer").visible = 0;
  plane_.Run(seconds(40));
  EXPECT_EQ(plane_.Phase("infer"), "Napping");
  EXPECT_EQ(plane_.Get("infer")->FindPath({"status", "infrastructure", "queue", "waiting"})->AsInt(), 0);
}

TEST_F(ActorLife, AMovingDepthIsWrittenAtMostOnceASecond) {
  plane_.CreateActor("infer", R"(,"scaling":{"maxReplicaCount":1})");
  plane_.Run(seconds(3));
  plane_.queues.Publish("asya-default-infer", 10);
  plane_.Run(seconds(5));
  const auto before = plane_.store.writes();
  for (int i = 0; i < 40; ++i) {
    plane_.queues.Publish("asya-default-infer", 1);
    plane_.Step();
    plane_.clock.Advance(std::chrono::milliseconds(250));
  }
  EXPECT_LE(plane_.store.writes() - before, 11U);
  EXPECT_GE(plane_.store.writes() - before, 5U);
}

TEST_F(ActorLife, EachNamespaceWithActorsHasItsCrew) {
  plane_.CreateActor("infer", "", "team");
  plane_.Run(seconds(3));
  EXPECT_TRUE(plane_.Get("x-sink", "team").has_value());
  EXPECT_TRUE(plane_.Get("x-sump", "team").has_value());
  EXPECT_FALSE(plane_.Get("x-sink", "default").has_value());
  EXPECT_EQ(plane_.queues.queues.count("asya-team-x-sink"), 1U);
  plane_.queues.Publish("asya-team-x-sink", 1);
  plane_.Delete("asyncactors", "team", "infer");
  plane_.Run(seconds(10));
  EXPECT_FALSE(plane_.Get("infer", "team").has_value());
  EXPECT_TRUE(plane_.Get("x-sink", "team").has_value()) << "its last result still waits";
  plane_.queues.queues.at("asya-team-x-sink").visible = 0;
  plane_.Run(seconds(20));
  EXPECT_FALSE(plane_.Get("x-sink", "team").has_value());
  EXPECT_FALSE(plane_.Get("x-sump", "team").has_value());
  EXPECT_TRUE(plane_.queues.queues.empty());
  EXPECT_TRUE(plane_.cluster.Owners().empty());
}

TEST_F(ActorLife, ANamespaceThatIsDeletedGoesWithItsLastActor) {
  const auto is_there = [this] { return plane_.Get("team", "", "namespaces").has_value(); };
  plane_.Create("namespaces", R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"team"},"spec":{}})");
  plane_.CreateActor("infer", "", "team");
  plane_.CreateActor("late", "", "team");
  plane_.Run(seconds(3));
  plane_.queues.Publish("asya-team-infer", 1);
  // As the API server does it: the namespace is marked, and with it what is in it.
  plane_.Change("namespaces", "", "team",
                [](json::Value& space) { space["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"; });
  for (const char* name : {"x-sink", "x-sump", "infer"}) plane_.Delete("asyncactors", "team", name);
  plane_.Run(seconds(10));
  EXPECT_TRUE(plane_.Get("infer", "team").has_value()) << "its work is not done";
  EXPECT_FALSE(plane_.Get("late", "team").has_value()) << "nothing that slipped in stays";
  EXPECT_TRUE(is_there());
  plane_.queues.queues.at("asya-team-infer").visible = 0;
  plane_.Run(seconds(20));
  EXPECT_FALSE(is_there());
  EXPECT_TRUE(plane_.queues.queues.empty());
}

TEST_F(ActorLife, ADeletedActorGoesWithEverythingItOwned) {
  plane_.CreateActor("infer", R"(,"scaling":{"minReplicaCount":2})");
  plane_.CreateActor("stays");
  plane_.Run(seconds(5));
  const std::string uid = *plane_.Get("infer")->Find("metadata")->GetString("uid");
  plane_.Delete("asyncactors", "default", "infer");
  plane_.Step();
  EXPECT_EQ(plane_.Phase("infer"), "Terminating");
  EXPECT_EQ(plane_.queues.queues.count("asya-default-infer"), 1U) << "the queue goes last";
  plane_.Run(seconds(5));
  EXPECT_FALSE(plane_.Get("infer").has_value());
  EXPECT_EQ(plane_.queues.queues.count("asya-default-infer"), 0U);
  EXPECT_EQ(plane_.cluster.Owners().count(uid), 0U);
  EXPECT_TRUE(plane_.Get("stays").has_value());
}

TEST_F(ActorLife, ADeletedActorWithWorkStaysAndSaysHowMuch) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(3));
  plane_.queues.Publish("asya-default-infer", 3);
  plane_.Delete("asyncactors", "default", "infer");
  plane_.Run(seconds(10));
  EXPECT_EQ(plane_.Phase("infer"), "Terminating");
  EXPECT_NE(plane_.Condition("infer", "Ready").find("3 envelopes are still in the queue"), std::string::npos);
  EXPECT_GE(plane_.cluster.RunningOf("infer"), 1) << "it goes on working";
  plane_.queues.queues.at("asya-default-infer").visible = 0;
  plane_.Run(seconds(10));
  EXPECT_FALSE(plane_.Get("infer").has_value());
}

class ActorMove : public ActorLife {
 protected:
  ActorMove() {
    plane_.queues.second = &second_;
    plane_.Create("transports", R"({"metadata":{"name":"sqlite"},"spec":{"type":"sqlite","default":true}})");
    plane_.Create(
        "transports",
        R"({"metadata":{"name":"pg"},"spec":{"type":"postgres","postgres":{"host":"db","database":"asya"}}})");
    plane_.CreateActor("infer");
    plane_.Run(seconds(3));
    plane_.queues.Publish("asya-default-infer", 3);
    plane_.Change("asyncactors", "default", "infer", [](json::Value& actor) { actor["spec"]["transport"] = "pg"; });
    plane_.Run(seconds(5));
  }
  std::string Transport() { return plane_.Get("infer")->FindPath({"status", "transport"})->AsString(); }

  SimulatedQueues second_{plane_.faults};
};

TEST_F(ActorMove, DrainsTheOldQueueFirst) {
  EXPECT_EQ(Transport(), "sqlite");
  EXPECT_NE(plane_.Condition("infer", "Synced").find("3 envelopes are still in the queue on transport sqlite"),
            std::string::npos)
      << plane_.Condition("infer", "Synced");
  EXPECT_GE(plane_.cluster.RunningOf("infer"), 1) << "it goes on working";
  EXPECT_EQ(second_.queues.count("asya-default-infer"), 0U);
  plane_.queues.queues.at("asya-default-infer").visible = 0;
  plane_.Run(seconds(10));
  EXPECT_EQ(Transport(), "pg");
  EXPECT_EQ(plane_.queues.queues.count("asya-default-infer"), 0U) << "nothing is left behind";
  EXPECT_EQ(second_.queues.count("asya-default-infer"), 1U);
  EXPECT_EQ(plane_.Condition("infer", "Synced").substr(0, 4), "True");
}

TEST_F(ActorMove, ADeletionInTheMiddleLeavesNoQueue) {
  plane_.Delete("asyncactors", "default", "infer");
  plane_.Run(seconds(5));
  ASSERT_TRUE(plane_.Get("infer").has_value()) << "its work is on the old transport";
  plane_.queues.queues.at("asya-default-infer").visible = 0;
  plane_.Run(seconds(10));
  EXPECT_FALSE(plane_.Get("infer").has_value());
  EXPECT_EQ(plane_.queues.queues.count("asya-default-infer"), 0U);
  EXPECT_EQ(second_.queues.count("asya-default-infer"), 0U);
}

TEST_F(ActorLife, ABrokerThatLetsWaitIsNotAskedForEachActor) {
  plane_.Create("transports", R"({"metadata":{"name":"sqlite"},"spec":{"type":"sqlite","default":true}})");
  plane_.Run(seconds(1));
  plane_.queues.away = true;
  int asked = 0;
  plane_.queues.on_question = [&] {
    ++asked;
    plane_.clock.Advance(seconds(15));
  };
  for (int i = 0; i < 10; ++i) plane_.CreateActor("waits-" + std::to_string(i));
  plane_.Step();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(plane_.Condition("waits-9", "QueueReady"), "Unknown BrokerUnavailable simulated fault");
  plane_.queues.away = false;
  plane_.queues.on_question = nullptr;
  plane_.Run(seconds(40));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(plane_.Phase("waits-" + std::to_string(i)), "Napping");
}

TEST_F(ActorLife, ForceDeletesWithTheWork) {
  plane_.CreateActor("infer", R"(,"paused":true)");
  plane_.Run(seconds(3));
  plane_.queues.Publish("asya-default-infer", 3);
  plane_.Delete("asyncactors", "default", "infer");
  plane_.Run(seconds(10));
  EXPECT_EQ(plane_.Phase("infer"), "Terminating");
  plane_.Change("asyncactors", "default", "infer",
                [](json::Value& actor) { actor["metadata"]["annotations"]["asya.sh/force-delete"] = "true"; });
  plane_.Run(seconds(5));
  EXPECT_FALSE(plane_.Get("infer").has_value());
  EXPECT_EQ(plane_.queues.queues.count("asya-default-infer"), 0U);
}

TEST_F(ActorLife, AQueueOfAnotherOwnerIsLeftAlone) {
  plane_.queues.queues["asya-default-infer"] = SimulatedQueues::Queue{"somebody-else", 4};
  plane_.CreateActor("infer");
  plane_.Run(seconds(3));
  EXPECT_EQ(plane_.Phase("infer"), "Degraded");
  EXPECT_EQ(plane_.Condition("infer", "QueueReady").substr(0, 16), "False QueueTaken");
  EXPECT_EQ(plane_.cluster.Find("Deployment", "infer"), nullptr);
  plane_.Delete("asyncactors", "default", "infer");
  plane_.Run(seconds(5));
  EXPECT_FALSE(plane_.Get("infer").has_value());
  EXPECT_EQ(plane_.queues.queues.at("asya-default-infer").visible, 4);
}

TEST_F(ActorLife, PausingScalesToZeroAndKeepsTheQueue) {
  plane_.CreateActor("infer", R"(,"scaling":{"minReplicaCount":1})");
  plane_.Run(seconds(5));
  EXPECT_EQ(plane_.Phase("infer"), "Ready");
  plane_.Change("asyncactors", "default", "infer", [](json::Value& actor) { actor["spec"]["paused"] = true; });
  plane_.queues.Publish("asya-default-infer", 5);
  plane_.Run(seconds(5));
  EXPECT_EQ(plane_.Phase("infer"), "Paused");
  EXPECT_EQ(plane_.Condition("infer", "Ready").substr(0, 11), "True Paused");
  EXPECT_EQ(plane_.cluster.RunningOf("infer"), 0);
  plane_.Change("asyncactors", "default", "infer",
                [](json::Value& actor) { actor["spec"].AsObject().erase("paused"); });
  plane_.Run(seconds(5));
  EXPECT_EQ(plane_.Phase("infer"), "Ready");
}

TEST_F(ActorLife, AMissingFlavorIsNamedAndWaitedFor) {
  plane_.CreateActor("infer", R"(,"flavors":["gpu"])");
  plane_.Run(seconds(2));
  EXPECT_EQ(plane_.Phase("infer"), "Degraded");
  EXPECT_EQ(plane_.Condition("infer", "Synced"),
            "False FlavorMissing spec.flavors: there is no Flavor gpu; the actor waits for it");
  EXPECT_EQ(plane_.cluster.Find("Deployment", "infer"), nullptr);
  plane_.Create("flavors", R"({"apiVersion":"asya.sh/v1alpha1","kind":"Flavor","metadata":{"name":"gpu"},
      "spec":{"nodeSelector":{"kind":"a"}}})");
  plane_.Run(seconds(2));
  EXPECT_EQ(plane_.Phase("infer"), "Napping");
  const auto selector = [this] {
    return plane_.cluster.Find("Deployment", "infer")
        ->FindPath({"spec", "template", "spec", "nodeSelector"})
        ->GetString("kind");
  };
  EXPECT_EQ(selector(), "a");
  plane_.Change("flavors", "", "gpu", [](json::Value& flavor) { flavor["spec"]["nodeSelector"]["kind"] = "b"; });
  plane_.Run(seconds(2));
  EXPECT_EQ(selector(), "b");
  EXPECT_EQ(plane_.Get("infer")->FindPath({"status", "flavors"})->AsArray()[0].GetInt("generation"), 2);
  EXPECT_EQ(plane_.Condition("gpu", "Ready", "flavors", "").substr(0, 13), "True Accepted");
}

TEST_F(ActorLife, AnUnknownTransportIsNamedAndWaitedFor) {
  plane_.CreateActor("infer", R"(,"transport":"lan")");
  plane_.Run(seconds(2));
  EXPECT_EQ(plane_.Condition("infer", "Synced").substr(0, 22), "False TransportMissing");
  plane_.Create("transports", R"({"apiVersion":"asya.sh/v1alpha1","kind":"Transport","metadata":{"name":"lan"},
      "spec":{"type":"sqlite","sqlite":{}}})");
  plane_.Run(seconds(2));
  EXPECT_EQ(plane_.Phase("infer"), "Napping");
  EXPECT_EQ(plane_.Get("lan", "", "transports")->FindPath({"status", "reachable"})->AsBool(), true);
}

TEST_F(ActorLife, WhatIsNoLongerRenderedGoesAndWhatIsLostComesBack) {
  plane_.CreateActor("infer");
  plane_.Change("asyncactors", "default", "infer",
                [](json::Value& actor) { actor["metadata"]["annotations"]["asya.sh/max-unavailable"] = "1"; });
  plane_.Run(seconds(3));
  ASSERT_NE(plane_.cluster.Find("PodDisruptionBudget", "infer"), nullptr);
  plane_.Change("asyncactors", "default", "infer",
                [](json::Value& actor) { actor["metadata"].AsObject().erase("annotations"); });
  plane_.Run(seconds(3));
  EXPECT_EQ(plane_.cluster.Find("PodDisruptionBudget", "infer"), nullptr);
  plane_.queues.queues.erase("asya-default-infer");
  plane_.Run(seconds(35));
  EXPECT_EQ(plane_.queues.queues.count("asya-default-infer"), 1U);
  plane_.queues.silent = Fail(ErrorCode::kUnavailable, "away");
  plane_.queues.queues.erase("asya-default-infer");
  plane_.Run(seconds(35));
  EXPECT_EQ(plane_.queues.queues.count("asya-default-infer"), 1U) << "another broker's silence is nothing to this one";
}

TEST_F(ActorLife, WhatOthersDidToItIsToldInEvents) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(40));
  EXPECT_EQ(plane_.Event("infer", "Repaired"), "");
  EXPECT_EQ(plane_.Event("infer", "QueueDeleted"), "") << "it had none before it was made";

  plane_.cluster.Lose("Deployment", "infer");
  plane_.Run(seconds(3));
  ASSERT_NE(plane_.cluster.Find("Deployment", "infer"), nullptr);
  EXPECT_EQ(plane_.Event("infer", "Repaired"),
            "Normal Deployment infer was deleted by somebody else: it is as it should be again");
  plane_.queues.queues.erase("asya-default-infer");
  plane_.Run(seconds(35));
  EXPECT_EQ(plane_.Event("infer", "QueueDeleted"),
            "Warning queue asya-default-infer was deleted by somebody else, with what lay in it: there is "
            "an empty one now");
}

TEST_F(ActorLife, AQueueThatItLeftItselfIsNotMissedWhenItComesBack) {
  SimulatedQueues far(plane_.faults);
  far.queues["asya-default-infer"] = {"somebody"};
  plane_.queues.second = &far;
  plane_.Create("transports", R"({"apiVersion":"asya.sh/v1alpha1","kind":"Transport","metadata":{"name":"far"},
      "spec":{"type":"postgres","postgres":{}}})");
  plane_.CreateActor("infer");
  plane_.Run(seconds(40));
  plane_.Change("asyncactors", "default", "infer", [](json::Value& actor) { actor["spec"]["transport"] = "far"; });
  plane_.Run(seconds(10));
  EXPECT_EQ(plane_.queues.queues.count("asya-default-infer"), 0U);
  EXPECT_EQ(plane_.Condition("infer", "QueueReady").substr(0, 16), "False QueueTaken");

  plane_.Change("asyncactors", "default", "infer",
                [](json::Value& actor) { actor["spec"].AsObject().erase("transport"); });
  plane_.Run(seconds(60));
  EXPECT_EQ(plane_.queues.queues.count("asya-default-infer"), 1U);
  EXPECT_EQ(plane_.Event("infer", "QueueDeleted"), "");
  plane_.queues.second = nullptr;
}

TEST_F(ActorLife, AFlowIsReadyWhenItsActorsExist) {
  plane_.Create("flows",
                R"({"apiVersion":"asya.sh/v1alpha1","kind":"Flow","metadata":{"name":"review","namespace":"default"},
      "spec":{"entrypoint":"first","routeNext":["second"]}})");
  plane_.CreateActor("first");
  plane_.Run(seconds(2));
  EXPECT_EQ(plane_.Condition("review", "Ready", "flows"), "False ActorMissing there is no actor second");
  plane_.CreateActor("second");
  plane_.Run(seconds(2));
  EXPECT_EQ(plane_.Condition("review", "Ready", "flows").substr(0, 4), "True");
}

TEST_F(ActorLife, ADependentGoesWithItsOwnerAndAForegroundDeletionWaitsForIt) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(3));
  const std::string uid = plane_.Get("infer")->Find("metadata")->GetString("uid").value();
  plane_.Create("flows",
                R"({"apiVersion":"asya.sh/v1alpha1","kind":"Flow","metadata":{"name":"way","namespace":"default",
      "finalizers":["example.org/held"],"ownerReferences":[{"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor",
      "name":"infer","uid":")" +
                    uid + R"(","blockOwnerDeletion":true}]},"spec":{"entrypoint":"infer"}})");
  plane_.Change("asyncactors", "default", "infer",
                [](json::Value& actor) { actor["metadata"]["finalizers"].AsArray().push_back("foregroundDeletion"); });
  plane_.Delete("asyncactors", "default", "infer");
  plane_.Run(seconds(10));
  const auto actor = plane_.Get("infer");
  ASSERT_TRUE(actor);
  EXPECT_EQ(json::Dump(*actor->FindPath({"metadata", "finalizers"})), R"(["foregroundDeletion"])");
  EXPECT_NE(plane_.Get("way", "default", "flows")->FindPath({"metadata", "deletionTimestamp"}), nullptr);
  plane_.Restart();
  plane_.Change("flows", "default", "way", [](json::Value& flow) { flow["metadata"].AsObject().erase("finalizers"); });
  plane_.Delete("flows", "default", "way");
  plane_.Run(seconds(3));
  EXPECT_FALSE(plane_.Get("infer"));
}

}  // namespace
}  // namespace asya::simulation
