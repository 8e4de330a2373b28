// How an actor goes when something keeps it from going as it should.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>

#include "tests/simulation/control_plane.h"

namespace asya::simulation {
namespace {

using std::chrono::seconds;

// Whose namespace is deleted in the cluster, with its pods.
class ActorOfATerminatingNamespace : public ::testing::Test {
 protected:
  ControlPlane plane_{1};
  void DeleteWithWork(std::int64_t visible, std::int64_t in_flight) {
    plane_.CreateActor("infer", "", "team");
    plane_.Run(seconds(5));
    auto& queue = plane_.queues.queues.at("asya-team-infer");
    queue.visible = visible;
    queue.in_flight = in_flight;
    plane_.terminating.insert("team");
    for (const char* name : {"x-sink", "x-sump", "infer"}) plane_.Delete("asyncactors", "team", name);
  }
};

TEST_F(ActorOfATerminatingNamespace, GoesAndItsWorkIsInTheDeadLetters) {
  DeleteWithWork(3, 0);
  plane_.Run(seconds(20));
  EXPECT_FALSE(plane_.Get("infer", "team").has_value());
  EXPECT_EQ(plane_.dead_letters.letters, (std::map<std::string, std::int64_t>{{"asya-team-infer", 3}}));
  EXPECT_TRUE(plane_.queues.queues.empty());
}

TEST_F(ActorOfATerminatingNamespace, WaitsForWhatIsInFlight) {
  DeleteWithWork(1, 2);
  plane_.Run(seconds(60));
  ASSERT_TRUE(plane_.Get("infer", "team").has_value());
  auto& queue = plane_.queues.queues.at("asya-team-infer");
  queue.visible = std::exchange(queue.in_flight, 0);
  plane_.Run(seconds(20));
  EXPECT_FALSE(plane_.Get("infer", "team").has_value());
  EXPECT_EQ(plane_.dead_letters.letters["asya-team-infer"], 3);
}

TEST_F(ActorOfATerminatingNamespace, WaitsNoLongerThanTenMinutes) {
  DeleteWithWork(0, 2);
  plane_.Run(seconds(590));
  EXPECT_TRUE(plane_.Get("infer", "team").has_value());
  plane_.Run(seconds(60));
  EXPECT_FALSE(plane_.Get("infer", "team").has_value());
  EXPECT_TRUE(plane_.queues.queues.empty());
}

TEST(ActorThatIsForced, WaitsAMomentForItsBroker) {
  ControlPlane plane{1};
  plane.CreateActor("infer");
  plane.Run(seconds(5));
  plane.queues.away = true;
  plane.Change("asyncactors", "default", "infer", [](json::Value& actor) {
    actor["metadata"]["annotations"] = json::Object{{"asya.sh/force-delete", "true"}};
  });
  plane.Delete("asyncactors", "default", "infer");
  plane.Run(seconds(20));
  ASSERT_TRUE(plane.Get("infer").has_value());
  EXPECT_NE(plane.Condition("infer", "Ready").find("the broker cannot be asked"), std::string::npos);
  plane.queues.away = false;
  plane.Run(seconds(60));
  EXPECT_FALSE(plane.Get("infer").has_value());
  EXPECT_EQ(plane.queues.queues.count("asya-default-infer"), 0U);
}

TEST_F(ActorOfATerminatingNamespace, GoesAlsoWhereNothingKeepsDeadLetters) {
  plane_.keeps_dead_letters = false;
  plane_.Restart();
  DeleteWithWork(3, 0);
  plane_.Run(seconds(20));
  EXPECT_FALSE(plane_.Get("infer", "team").has_value());
  EXPECT_TRUE(plane_.queues.queues.empty());
}

TEST_F(ActorOfATerminatingNamespace, ABrokerThatIsAwayHoldsItNoLongerThanTenMinutes) {
  DeleteWithWork(3, 0);
  plane_.queues.away = true;
  plane_.Run(seconds(590));
  ASSERT_TRUE(plane_.Get("infer", "team").has_value());
  EXPECT_EQ(plane_.Condition("infer", "Ready", "asyncactors", "team"),
            "False Terminating the broker cannot be asked: simulated fault; the actor goes, and its queue stays there, "
            "after ten minutes of this, or soon with the annotation asya.sh/force-delete: \"true\"");
  plane_.Run(seconds(60));
  EXPECT_FALSE(plane_.Get("infer", "team").has_value());
  EXPECT_EQ(plane_.Event("infer", "QueueLeft"),
            "Warning queue asya-team-infer was left on Transport sqlite: simulated fault");
  EXPECT_EQ(plane_.queues.queues.at("asya-team-infer").visible, 3) << "nothing is lost";
}

TEST_F(ActorOfATerminatingNamespace, ABrokerThatComesBackIsCleanedUp) {
  DeleteWithWork(3, 0);
  plane_.queues.away = true;
  plane_.Run(seconds(300));
  plane_.queues.away = false;
  plane_.Run(seconds(60));
  EXPECT_FALSE(plane_.Get("infer", "team").has_value());
  EXPECT_EQ(plane_.dead_letters.letters["asya-team-infer"], 3);
  EXPECT_TRUE(plane_.queues.queues.empty());
}

// Whose broker does not answer.
class ActorOfABrokerThatIsAway : public ::testing::Test {
 protected:
  ActorOfABrokerThatIsAway() {
    plane_.CreateActor("infer", R"(,"scaling":{"minReplicaCount":1})");
    plane_.Run(seconds(5));
    plane_.queues.away = true;
    plane_.Delete("asyncactors", "default", "infer");
    plane_.Run(seconds(60));
  }
  void Force() {
    plane_.Change("asyncactors", "default", "infer", [](json::Value& actor) {
      actor["metadata"]["annotations"] = json::Object{{"asya.sh/force-delete", "true"}};
    });
    plane_.Run(seconds(60));
  }
  ControlPlane plane_{1};
};

TEST_F(ActorOfABrokerThatIsAway, WaitsAndSaysHowItGoesWithoutIt) {
  EXPECT_EQ(
      plane_.Condition("infer", "Ready"),
      "False Terminating the broker cannot be asked: simulated fault; the actor goes, and its queue stays there, with "
      "the annotation asya.sh/force-delete: \"true\"");
  EXPECT_EQ(plane_.cluster.RunningOf("infer"), 1) << "its work may not be done";
}

TEST_F(ActorOfABrokerThatIsAway, GoesByForceAndLeavesItsQueue) {
  Force();
  EXPECT_FALSE(plane_.Get("infer").has_value());
  EXPECT_EQ(plane_.cluster.RunningOf("infer"), 0);
  EXPECT_EQ(plane_.Event("infer", "QueueLeft"),
            "Warning queue asya-default-infer was left on Transport sqlite: simulated fault");
}

// However long it has been deleted: the broker is silent for a moment only.
TEST(ActorEnd, OneFailedQuestionLeavesNoQueueBehind) {
  ControlPlane plane{1};
  plane.CreateActor("infer", R"(,"scaling":{"minReplicaCount":1})");
  plane.Run(seconds(5));
  plane.queues.Publish("asya-default-infer", 3);
  plane.Delete("asyncactors", "default", "infer");
  plane.Run(seconds(60));
  plane.Change("asyncactors", "default", "infer", [](json::Value& actor) {
    actor["metadata"]["annotations"] = json::Object{{"asya.sh/force-delete", "true"}};
  });
  plane.queues.away = true;
  plane.Run(seconds(5));
  plane.queues.away = false;
  plane.Run(seconds(60));
  EXPECT_FALSE(plane.Get("infer").has_value());
  EXPECT_EQ(plane.queues.queues.count("asya-default-infer"), 0U);
  EXPECT_EQ(plane.Event("infer", "QueueLeft"), "");
}

// On a Transport whose Secret is copied for pods.
class ActorWithCredentials : public ::testing::Test {
 protected:
  ControlPlane plane_{1};
  using Copies = std::set<std::string>;
  ActorWithCredentials() {
    plane_.queues.second = &plane_.queues;
    plane_.Create("transports", R"({"metadata":{"name":"pg"},"spec":{"type":"postgres","default":true,"postgres":)"
                                R"({"host":"db","database":"asya","credentialsSecretRef":{"name":"pg"}}}})");
    plane_.Create("transports", R"({"metadata":{"name":"sqlite"},"spec":{"type":"sqlite"}})");
    plane_.CreateActor("infer");
    plane_.CreateActor("other");
    plane_.Run(seconds(5));
  }
};

TEST_F(ActorWithCredentials, ACopyThatCouldNotBeTakenAwayGoesLater) {
  ASSERT_EQ(plane_.credentials.copies, Copies{"default/pg"});
  plane_.credentials.refusal = Fail(ErrorCode::kUnavailable, "the cluster is away");
  plane_.Delete("asyncactors", "default", "infer");
  plane_.Delete("asyncactors", "default", "other");
  plane_.Run(seconds(60));
  EXPECT_EQ(plane_.credentials.copies, Copies{"default/pg"});
  plane_.Restart();
  plane_.Run(seconds(5));
  plane_.credentials.refusal.reset();
  plane_.Run(seconds(60));
  EXPECT_EQ(plane_.credentials.copies, Copies{});
  EXPECT_FALSE(plane_.Get("infer").has_value());
  EXPECT_FALSE(plane_.Get("other").has_value());
  EXPECT_FALSE(plane_.Get("x-sink").has_value());
}

TEST_F(ActorWithCredentials, ARightThatIsMissingHoldsNoActor) {
  plane_.credentials.refusal = Fail(ErrorCode::kForbidden, "no right");
  plane_.Delete("asyncactors", "default", "infer");
  plane_.Delete("asyncactors", "default", "other");
  plane_.Run(seconds(60));
  EXPECT_FALSE(plane_.Get("infer").has_value());
  EXPECT_FALSE(plane_.Get("x-sink").has_value());
  plane_.credentials.refusal.reset();
  plane_.Run(seconds(60));
  EXPECT_EQ(plane_.credentials.copies, Copies{});
}

TEST_F(ActorWithCredentials, WhatAMoveLeftBehindIsFoundByTheNextServer) {
  plane_.credentials.refusal = Fail(ErrorCode::kUnavailable, "the cluster is away");
  for (const char* name : {"infer", "other"}) {
    plane_.Change("asyncactors", "default", name, [](json::Value& actor) { actor["spec"]["transport"] = "sqlite"; });
  }
  plane_.Run(seconds(30));
  EXPECT_EQ(plane_.credentials.copies, Copies{"default/pg"});
  plane_.Restart();
  plane_.credentials.refusal.reset();
  plane_.Run(seconds(60));
  EXPECT_EQ(plane_.credentials.copies, Copies{});
  EXPECT_EQ(plane_.Phase("infer"), "Napping");
}

}  // namespace
}  // namespace asya::simulation
