// The scaler where another hand sets the count that it decides on.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "scaling/scaler.h"
#include "scaling/test_queues.h"

namespace asya::scaling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Where KEDA sets the count: nothing happens when it is told, and replicas come and go by another's hand.
class ServedTest : public testing::Test {
 protected:
  class Cluster final : public ports::Cluster {
   public:
    Result<ports::Applied> Apply(const json::Value&, const std::string&) override { return ports::Applied{}; }
    Status Delete(const ports::ResourceRef&, const std::string&) override { return Ok(); }
    Result<std::vector<ports::Observed>> Observe(const std::string&) override { return std::vector<ports::Observed>{}; }
    std::shared_ptr<void> Subscribe(std::function<void(const std::string&)>) override { return nullptr; }
    Status Scale(const ports::ResourceRef&, std::int64_t count) override {
      asked = count;
      return Ok();
    }
    Result<std::vector<ports::Replica>> Replicas(const ports::ResourceRef&) override { return replicas; }
    std::vector<ports::Replica> replicas;
    std::optional<std::int64_t> asked;
  };

  ServedTest() {
    ScalerSettings settings;
    settings.zero_poll = milliseconds(500);
    settings.zero_poll_least = milliseconds(100);
    settings.idle_poll = milliseconds(5000);
    settings.replicas_tell_work = false;
    settings.another_acts = true;
    ReplicaScaler::Deps deps{queues_, cluster_, clock_};
    deps.on_seen = [this](const Seen& seen) { seen_ = seen; };
    scaler_ = std::make_unique<ReplicaScaler>(deps, settings);
    scaler_->Set(Infer());
  }
  void Have(std::size_t replicas) {
    cluster_.replicas.assign(replicas, ports::Replica{});
    for (auto& replica : cluster_.replicas) replica.ready = true;
  }
  void Put(std::int64_t visible, std::int64_t in_flight, std::int64_t settled = 0) {
    ports::QueueStats stats;
    stats.visible = visible;
    stats.in_flight = in_flight;
    stats.settled_total = settled;
    queues_.Put("asya-default-infer", stats);
  }
  milliseconds UntilNext() { return std::chrono::ceil<milliseconds>(*scaler_->RunDue() - clock_.Steady()); }

  FakeClock clock_;
  FakeQueues queues_;
  Cluster cluster_;
  std::optional<Seen> seen_;
  std::unique_ptr<ReplicaScaler> scaler_;
};

TEST_F(ServedTest, AnActorAtZeroIsLookedAtOften) {
  EXPECT_EQ(UntilNext(), milliseconds(100));
  EXPECT_FALSE(seen_->active);
  clock_.Advance(milliseconds(100));
  Put(3, 0);
  EXPECT_EQ(UntilNext(), milliseconds(100));
  EXPECT_TRUE(seen_->active);
  EXPECT_EQ(seen_->present, 0);
  EXPECT_EQ(seen_->desired, 3);
  EXPECT_EQ(scaler_->Last("default", "infer", 1).front().to_replicas, 3) << "the decision is recorded";
  clock_.Advance(milliseconds(100));
  Put(0, 0, 3);
  EXPECT_EQ(UntilNext(), milliseconds(100)) << "also when somebody has just taken it";
}

TEST_F(ServedTest, ActorsAtZeroShareTheLooks) {
  const auto until_next_of = [this](int count) {
    for (int i = 1; i < count; ++i) {
      ports::ScaledActor other = Infer();
      other.actor = "infer-" + std::to_string(i);
      other.queue = "asya-default-" + other.actor;
      queues_.Put(other.queue, {});
      scaler_->Set(other);
    }
    clock_.Advance(milliseconds(500));
    return UntilNext();
  };
  EXPECT_EQ(until_next_of(20), milliseconds(100));
  EXPECT_EQ(until_next_of(60), milliseconds(300));
  EXPECT_EQ(until_next_of(200), milliseconds(500)) << "and never less often";
}

TEST_F(ServedTest, NeverBelowWhatIsInWork) {
  Have(7);
  Put(0, 5);
  for (int second = 0; second < 300; ++second) {
    scaler_->RunDue();
    EXPECT_GE(seen_->desired, 5);
    EXPECT_TRUE(seen_->active);
    clock_.Advance(seconds(1));
  }
  EXPECT_EQ(seen_->desired, 5) << "the two that are idle may go";
  EXPECT_EQ(seen_->present, 7);
}

TEST_F(ServedTest, NeverBelowTheReplicasThatTellOfWorkWhereTheBrokerDoesNot) {
  Have(7);
  for (int busy = 0; busy < 3; ++busy) cluster_.replicas[busy].in_flight = 4;
  Put(0, 0);
  for (int second = 0; second < 300; ++second) {
    scaler_->RunDue();
    EXPECT_GE(seen_->desired, 3);
    EXPECT_TRUE(seen_->active) << "KEDA would end all of them";
    clock_.Advance(seconds(1));
  }
  EXPECT_EQ(seen_->desired, 3) << "the four that are idle may go";
  for (auto& replica : cluster_.replicas) replica.in_flight = 0;
  clock_.Advance(seconds(1));
  scaler_->RunDue();
  EXPECT_FALSE(seen_->active);
}

TEST_F(ServedTest, WhatIsToGoIsToldALookBeforeItIsDoneAndStaysTold) {
  Have(7);
  Put(0, 2);
  scaler_->RunDue();
  ASSERT_EQ(seen_->desired, 7);
  while (seen_->desired == 7) {
    EXPECT_NE(cluster_.asked, 2);
    clock_.Advance(seconds(1));
    scaler_->RunDue();
  }
  EXPECT_EQ(seen_->desired, 2);
  EXPECT_NE(cluster_.asked, 2) << "who else serves KEDA may say 7 still";
  for (int look = 0; look < 30; ++look) {
    clock_.Advance(seconds(1));
    scaler_->RunDue();
    EXPECT_EQ(seen_->desired, 2);
    EXPECT_EQ(cluster_.asked, 2);
  }
  Put(0, 4);
  clock_.Advance(seconds(1));
  scaler_->RunDue();
  EXPECT_EQ(seen_->desired, 4) << "what began to work meanwhile is not taken away";
}

TEST_F(ServedTest, WhatCameAndWentBetweenTwoLooksIsWork) {
  Have(1);
  Put(0, 0, 10);
  EXPECT_EQ(UntilNext(), milliseconds(5000)) << "at rest";
  EXPECT_FALSE(seen_->active);
  clock_.Advance(seconds(5));
  Put(0, 0, 11);
  scaler_->RunDue();
  EXPECT_TRUE(seen_->active);
  Have(0);
  clock_.Advance(seconds(60));
  Put(0, 0, 12);
  scaler_->RunDue();
  EXPECT_FALSE(seen_->active) << "nobody is woken for what somebody else took";
}

TEST_F(ServedTest, ABrokerThatDoesNotAnswerLeavesTheLastLook) {
  Have(4);
  Put(4, 0);
  scaler_->RunDue();
  seen_.reset();
  queues_.SetAway(true);
  clock_.Advance(seconds(1));
  EXPECT_EQ(UntilNext(), milliseconds(1000));
  EXPECT_FALSE(seen_.has_value());
}

}  // namespace
}  // namespace asya::scaling
