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

TEST_F(ActorOfATerminatingNamespace, GoesAlsoWhereNothingKeepsDeadLetters) {
  plane_.keeps_dead_letters = false;
  plane_.Restart();
  DeleteWithWork(3, 0);
  plane_.Run(seconds(20));
  EXPECT_FALSE(plane_.Get("infer", "team").has_value());
  EXPECT_TRUE(plane_.queues.queues.empty());
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
