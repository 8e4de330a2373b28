// How an actor leaves a broker that keeps a queue for as long as somebody consumes from it.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/simulation/control_plane.h"

namespace asya::simulation {
namespace {

using std::chrono::seconds;

class ActorWithConsumers : public ::testing::Test {
 protected:
  ActorWithConsumers() {
    plane_.queues.second = &second_;
    plane_.queues.consumers = [this](const std::string&) { return plane_.cluster.RunningOf("infer"); };
    plane_.Create("transports", R"({"metadata":{"name":"sqlite"},"spec":{"type":"sqlite","default":true}})");
    plane_.Create(
        "transports",
        R"({"metadata":{"name":"pg"},"spec":{"type":"postgres","postgres":{"host":"db","database":"asya"}}})");
  }
  void Make(const std::string& spec) {
    plane_.CreateActor("infer", spec);
    plane_.Run(seconds(5));
    ASSERT_GE(plane_.cluster.RunningOf("infer"), 1);
  }
  void Move() {
    plane_.Change("asyncactors", "default", "infer", [](json::Value& actor) { actor["spec"]["transport"] = "pg"; });
  }
  void ExpectMoved(std::int64_t replicas) {
    EXPECT_EQ(plane_.Get("infer")->FindPath({"status", "transport"})->AsString(), "pg");
    EXPECT_EQ(plane_.queues.queues.count("asya-default-infer"), 0U);
    EXPECT_EQ(second_.queues.count("asya-default-infer"), 1U);
    EXPECT_EQ(plane_.cluster.RunningOf("infer"), replicas);
    EXPECT_EQ(plane_.Phase("infer"), "Ready");
    EXPECT_EQ(plane_.Condition("infer", "Synced").substr(0, 4), "True");
  }

  ControlPlane plane_{1};
  SimulatedQueues second_{plane_.faults};
};

TEST_F(ActorWithConsumers, MovesWithStandingReplicas) {
  Make(R"(,"scaling":{"minReplicaCount":1})");
  Move();
  plane_.Run(seconds(20));
  ExpectMoved(1);
}

TEST_F(ActorWithConsumers, MovesWithAFixedCount) {
  Make(R"(,"replicas":3,"scaling":{"enabled":false})");
  Move();
  plane_.Step();
  EXPECT_EQ(plane_.Condition("infer", "Synced"),
            "False OldQueueInUse waits until nothing has come for some seconds to the old queue on transport sqlite; "
            "the actor moves to pg then");
  std::string told;
  for (int i = 0; i < 100 && told.find("let go") == std::string::npos; ++i) {
    plane_.clock.Advance(std::chrono::milliseconds(100));
    plane_.Step();
    told = plane_.Condition("infer", "Synced");
  }
  EXPECT_EQ(told,
            "False OldQueueInUse waits for the replicas to let go of the old queue on transport sqlite; the actor "
            "moves to pg then");
  plane_.Run(seconds(20));
  ExpectMoved(3);
}

// Such as relays that want no more while they work: the broker protects nothing, and knows of no work.
TEST_F(ActorWithConsumers, TakesNoQueueFromUnderReplicasThatMayWork) {
  plane_.queues.consumers = nullptr;
  std::int64_t running = -1;
  plane_.queues.on_question = [&] {
    if (plane_.queues.queues.contains("asya-default-infer")) running = plane_.cluster.RunningOf("infer");
  };
  Make(R"(,"replicas":3,"scaling":{"enabled":false})");
  Move();
  plane_.Run(seconds(20));
  ExpectMoved(3);
  EXPECT_EQ(running, 0) << "when the queue went";
}

TEST_F(ActorWithConsumers, StandsForAsLongAsALittleComesAgainAndAgain) {
  Make(R"(,"scaling":{"minReplicaCount":1})");
  Move();
  for (int i = 0; i < 30; ++i) {
    plane_.queues.Publish("asya-default-infer", 1);
    plane_.Run(seconds(1));
    plane_.queues.queues.at("asya-default-infer").visible = 0;
    plane_.Run(seconds(1));
    ASSERT_EQ(plane_.cluster.RunningOf("infer"), 1) << i;
  }
  plane_.Run(seconds(20));
  ExpectMoved(1);
}

TEST_F(ActorWithConsumers, WorksOnAsLongAsThereIsWork) {
  Make(R"(,"scaling":{"minReplicaCount":1})");
  plane_.queues.Publish("asya-default-infer", 1);
  Move();
  plane_.Run(seconds(20));
  EXPECT_EQ(plane_.cluster.RunningOf("infer"), 1);
  EXPECT_EQ(plane_.Condition("infer", "Synced").substr(0, 28), "False OldQueueNotEmpty 1 env");
  plane_.queues.queues.at("asya-default-infer").visible = 0;
  plane_.Run(seconds(20));
  ExpectMoved(1);
}

TEST_F(ActorWithConsumers, WorkThatComesWhileItLetsGoIsDoneFirst) {
  Make(R"(,"replicas":3,"scaling":{"enabled":false})");
  // Nobody's queue goes while somebody else consumes from it.
  plane_.queues.consumers = [](const std::string&) { return 1; };
  Move();
  plane_.Run(seconds(10));
  EXPECT_EQ(plane_.cluster.RunningOf("infer"), 0);
  plane_.queues.Publish("asya-default-infer", 1);
  plane_.Run(seconds(20));
  EXPECT_EQ(plane_.cluster.RunningOf("infer"), 3);
  plane_.queues.consumers = nullptr;
  plane_.queues.queues.at("asya-default-infer").visible = 0;
  plane_.Run(seconds(20));
  ExpectMoved(3);
}

TEST_F(ActorWithConsumers, AnOldBrokerThatDoesNotAnswerIsNotLeftBehind) {
  Make(R"(,"scaling":{"minReplicaCount":1})");
  plane_.queues.queues.at("asya-default-infer").visible = 2;
  plane_.queues.away = true;
  Move();
  plane_.Run(seconds(5));
  EXPECT_EQ(plane_.Get("infer")->FindPath({"status", "transport"})->AsString(), "sqlite");
  EXPECT_EQ(second_.queues.count("asya-default-infer"), 0U) << "nobody would work on what waits on the old one";
  plane_.queues.away = false;
  plane_.queues.queues.at("asya-default-infer").visible = 0;
  plane_.Run(seconds(60));
  ExpectMoved(1);
}

// The pass that ends a move takes the old queue away and makes the new one; what it writes then conflicts.
TEST_F(ActorWithConsumers, ADeletionDuringTheLastPassOfAMoveLeavesNothing) {
  plane_.Create("transports", R"({"metadata":{"name":"far"},"spec":{"type":"postgres","postgres":{"host":"db",
      "database":"asya","credentialsSecretRef":{"name":"pg"}}}})");
  plane_.CreateActor("infer");
  plane_.Run(seconds(5));
  bool deleted = false;
  second_.on_question = [&] {
    if (!std::exchange(deleted, true)) plane_.Delete("asyncactors", "default", "infer");
    const auto made = second_.queues.find("asya-default-infer");
    if (made != second_.queues.end()) made->second.visible = 2;
  };
  plane_.Change("asyncactors", "default", "infer", [](json::Value& actor) { actor["spec"]["transport"] = "far"; });
  plane_.Run(seconds(40));  // nobody hints of the second broker's work
  ASSERT_TRUE(deleted);
  ASSERT_TRUE(plane_.Get("infer").has_value()) << "its work is on the new transport";
  EXPECT_NE(plane_.Condition("infer", "Ready").find("2 envelopes are still in the queue"), std::string::npos);
  EXPECT_GE(plane_.cluster.RunningOf("infer"), 1) << "it goes on working";
  second_.on_question = nullptr;
  second_.queues.at("asya-default-infer").visible = 0;
  plane_.Run(seconds(20));
  EXPECT_FALSE(plane_.Get("infer").has_value());
  EXPECT_TRUE(second_.queues.empty());
  EXPECT_TRUE(plane_.credentials.copies.empty());
}

// The same where nothing waits, so that nothing but the queue itself tells of the move.
TEST_F(ActorWithConsumers, AForcedDeletionDuringTheLastPassOfAMoveLeavesNothing) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(5));
  bool deleted = false;
  second_.on_question = [&] {
    if (std::exchange(deleted, true)) return;
    plane_.Change("asyncactors", "default", "infer",
                  [](json::Value& actor) { actor["metadata"]["annotations"]["asya.sh/force-delete"] = "true"; });
    plane_.Delete("asyncactors", "default", "infer");
  };
  Move();
  plane_.Run(seconds(10));
  ASSERT_TRUE(deleted);
  EXPECT_FALSE(plane_.Get("infer").has_value());
  EXPECT_TRUE(second_.queues.empty());
}

TEST_F(ActorWithConsumers, ASecondDefaultMovesNobodyAndIsToldToWhoRunsNowhereYet) {
  Make(R"(,"scaling":{"minReplicaCount":1})");
  plane_.Create("transports", R"({"metadata":{"name":"first"},"spec":{"type":"postgres","default":true,
      "postgres":{"host":"db","database":"asya"}}})");
  plane_.CreateActor("late");
  plane_.Run(seconds(20));
  for (const char* name : {"infer", "x-sink"}) {
    EXPECT_EQ(plane_.Get(name)->FindPath({"status", "transport"})->AsString(), "sqlite");
    EXPECT_EQ(plane_.Condition(name, "Synced").substr(0, 11), "True Synced");
  }
  EXPECT_EQ(plane_.Condition("late", "Synced"),
            "False TransportAmbiguous spec.default: Transports first and sqlite are all marked as default, and only "
            "one may be; name one in spec.transport, or unmark the others");
  plane_.Change("transports", "", "first", [](json::Value& transport) { transport["spec"]["default"] = false; });
  plane_.Run(seconds(5));
  EXPECT_EQ(plane_.Get("late")->FindPath({"status", "transport"})->AsString(), "sqlite");
}

}  // namespace
}  // namespace asya::simulation
