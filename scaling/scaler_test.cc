#include "scaling/scaler.h"

#include <gtest/gtest.h>

#include <future>

#include "core/json/parse.h"
#include "scaling/test_queues.h"

namespace asya::scaling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A cluster that has at once what it is told to have.
class FakeCluster final : public ports::Cluster {
 public:
  Result<ports::Applied> Apply(const json::Value&, const std::string&) override { return ports::Applied{}; }
  Status Delete(const ports::ResourceRef&, const std::string&) override { return Ok(); }
  Result<std::vector<ports::Observed>> Observe(const std::string&) override { return std::vector<ports::Observed>{}; }
  std::shared_ptr<void> Subscribe(std::function<void(const std::string&)>) override { return nullptr; }
  Status Scale(const ports::ResourceRef&, std::int64_t replicas) override {
    const std::lock_guard lock(mutex_);
    ++calls_;
    if (refuse_) return Fail(ErrorCode::kNotFound, "no such deployment");
    replicas_.assign(static_cast<std::size_t>(replicas), ports::Replica{});
    for (auto& replica : replicas_) replica.ready = true;
    if (on_scale_) on_scale_(replicas);
    return Ok();
  }
  Result<std::vector<ports::Replica>> Replicas(const ports::ResourceRef&) override {
    const std::lock_guard lock(mutex_);
    return replicas_;
  }
  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return replicas_.size();
  }
  void Refuse(bool refuse) {
    const std::lock_guard lock(mutex_);
    refuse_ = refuse;
  }
  void OnScale(std::function<void(std::int64_t)> on_scale) {
    const std::lock_guard lock(mutex_);
    on_scale_ = std::move(on_scale);
  }
  int calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  void SetBusy(std::size_t index, std::int64_t in_flight) {
    const std::lock_guard lock(mutex_);
    replicas_.at(index).in_flight = in_flight;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<ports::Replica> replicas_;
  std::function<void(std::int64_t)> on_scale_;
  bool refuse_ = false;
  int calls_ = 0;
};

ports::QueueStats Waiting(std::int64_t visible) {
  ports::QueueStats stats;
  stats.visible = visible;
  return stats;
}

class ScalerTest : public ::testing::Test {
 protected:
  FakeQueues queues_;
  FakeCluster cluster_;
  FakeClock clock_;
  ReplicaScaler scaler_{ReplicaScaler::Deps{queues_, cluster_, clock_}, ScalerSettings{}};
};

TEST_F(ScalerTest, CountsTellReplicasAndMessagesOfTheLastLook) {
  scaler_.Set(Infer());
  scaler_.RunDue();
  EXPECT_TRUE(scaler_.Counts(10).empty());
  ports::QueueStats stats = Waiting(3);
  stats.in_flight = 2;
  stats.delayed = 1;
  queues_.Put("asya-default-infer", stats);
  scaler_.Hint("asya-default-infer");
  clock_.Advance(seconds(1));
  scaler_.RunDue();
  EXPECT_TRUE(scaler_.Counts(0).empty());
  ASSERT_EQ(scaler_.Counts(10).size(), 1U);
  const ReplicaScaler::Count count = scaler_.Counts(10).front();
  EXPECT_EQ(count.namespace_ + "/" + count.actor, "default/infer");
  EXPECT_GT(count.desired, 0);
  EXPECT_EQ(count.messages.visible, 3);
  EXPECT_EQ(count.messages.delayed, 1);
  EXPECT_EQ(count.messages.in_flight, 2);
}

TEST_F(ScalerTest, AnActorWithoutReplicasCountsWhileMessagesWait) {
  ports::ScaledActor paused = Infer();
  paused.policy.paused = true;
  queues_.Put("asya-default-infer", Waiting(3));
  scaler_.Set(paused);
  scaler_.RunDue();
  ASSERT_EQ(scaler_.Counts(10).size(), 1U);
  EXPECT_EQ(scaler_.Counts(10).front().desired, 0);
  EXPECT_EQ(scaler_.Counts(10).front().messages.visible, 3);
}

TEST_F(ScalerTest, SizesAnActorToItsBacklogAndBackToZero) {
  queues_.Put("asya-default-infer", Waiting(3));
  scaler_.Set(Infer());
  scaler_.RunDue();
  EXPECT_EQ(cluster_.count(), 3U);
  queues_.Put("asya-default-infer", Waiting(0));
  for (int second = 0; second < 12; ++second) {
    clock_.Advance(seconds(1));
    scaler_.RunDue();
  }
  EXPECT_EQ(cluster_.count(), 0U);
  const auto decisions = scaler_.Last("default", "infer", 10);
  ASSERT_EQ(decisions.size(), 2U);
  EXPECT_EQ(decisions[0].from_replicas, 3);
  EXPECT_EQ(decisions[0].to_replicas, 0);
  EXPECT_EQ(decisions[1].to_replicas, 3);
  EXPECT_EQ(decisions[1].reason, "3 envelopes wait; one replica takes 1, so 3 replicas");
  const auto inputs = json::Parse(decisions[1].inputs_json);
  ASSERT_TRUE(inputs.ok());
  EXPECT_EQ(inputs->GetInt("visible"), 3);
  EXPECT_EQ(inputs->FindPath({"policy", "maxReplicaCount"})->AsInt(), 10);
}

TEST_F(ScalerTest, RecordsWhatWaitsForItsRetryAndStartsNothingForIt) {
  ports::QueueStats stats;
  stats.delayed = 4;
  queues_.Put("asya-default-infer", stats);
  scaler_.Set(Infer());
  scaler_.RunDue();
  EXPECT_EQ(cluster_.count(), 0U) << "it is not due yet";
  stats.visible = 1;
  queues_.Put("asya-default-infer", stats);
  clock_.Advance(seconds(1));
  scaler_.RunDue();
  EXPECT_EQ(cluster_.count(), 1U);
  const auto decisions = scaler_.Last("default", "infer", 1);
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(json::Parse(decisions[0].inputs_json)->GetInt("delayed"), 4);
}

TEST_F(ScalerTest, LooksAtAnActorAtRestOnlyRarelyUntilAHintComes) {
  scaler_.Set(Infer());
  auto next = scaler_.RunDue();
  ASSERT_TRUE(next.has_value());
  EXPECT_GE(*next - clock_.Steady(), seconds(30));
  const int looks = queues_.looks();
  clock_.Advance(seconds(5));
  scaler_.RunDue();
  EXPECT_EQ(queues_.looks(), looks);
  queues_.Put("asya-default-infer", Waiting(1));
  scaler_.Hint("asya-default-infer");
  scaler_.Hint("asya-default-other");
  scaler_.RunDue();
  EXPECT_EQ(cluster_.count(), 1U);
}

TEST_F(ScalerTest, ManyHintsShareALook) {
  queues_.Put("asya-default-infer", Waiting(1));
  scaler_.Set(Infer());
  scaler_.RunDue();
  const int looks = queues_.looks();
  for (int hint = 0; hint < 1000; ++hint) {
    scaler_.Hint("asya-default-infer");
    scaler_.RunDue();
    clock_.Advance(milliseconds(1));
  }
  EXPECT_LE(queues_.looks() - looks, 11);
}

TEST_F(ScalerTest, TriesAgainWhenTheQueueOrTheClusterDoesNotAnswer) {
  queues_.SetAway(true);
  queues_.Put("asya-default-infer", Waiting(2));
  cluster_.Refuse(true);
  scaler_.Set(Infer());
  scaler_.RunDue();
  queues_.SetAway(false);
  clock_.Advance(seconds(1));
  scaler_.RunDue();
  EXPECT_EQ(cluster_.count(), 0U);
  EXPECT_TRUE(scaler_.Last("default", "infer", 10).empty());
  cluster_.Refuse(false);
  clock_.Advance(seconds(1));
  scaler_.RunDue();
  EXPECT_EQ(cluster_.count(), 2U);
}

TEST_F(ScalerTest, ANewPolicyIsTakenAtOnce) {
  ports::ScaledActor actor = Infer();
  scaler_.Set(actor);
  scaler_.RunDue();
  actor.policy.enabled = false;
  actor.policy.fixed_replicas = 4;
  scaler_.Set(actor);
  scaler_.RunDue();
  EXPECT_EQ(cluster_.count(), 4U);
  actor.policy.paused = true;
  scaler_.Set(actor);
  scaler_.RunDue();
  EXPECT_EQ(cluster_.count(), 0U);
}

TEST_F(ScalerTest, ARemovedActorIsLeftAlone) {
  queues_.Put("asya-default-infer", Waiting(2));
  scaler_.Set(Infer());
  scaler_.Remove("default", "infer");
  scaler_.Hint("asya-default-infer");
  EXPECT_FALSE(scaler_.RunDue().has_value());
  EXPECT_EQ(cluster_.calls(), 0);
}

TEST_F(ScalerTest, ASettledActorIsNotScaledAgain) {
  queues_.Put("asya-default-infer", Waiting(2));
  scaler_.Set(Infer());
  scaler_.RunDue();
  for (int second = 0; second < 5; ++second) {
    clock_.Advance(seconds(1));
    scaler_.RunDue();
  }
  EXPECT_EQ(cluster_.calls(), 1);
  EXPECT_EQ(scaler_.Last("default", "infer", 10).size(), 1U);
}

TEST_F(ScalerTest, ABusyReplicaHoldsTheActorUp) {
  queues_.Put("asya-default-infer", Waiting(1));
  scaler_.Set(Infer());
  scaler_.RunDue();
  queues_.Put("asya-default-infer", Waiting(0));
  cluster_.SetBusy(0, 1);
  for (int second = 0; second < 60; ++second) {
    clock_.Advance(seconds(1));
    scaler_.RunDue();
  }
  EXPECT_EQ(cluster_.count(), 1U);
}

TEST(ScalerThread, AHintStartsAReplica) {
  FakeQueues queues;
  FakeCluster cluster;
  ReplicaScaler scaler(ReplicaScaler::Deps{queues, cluster, RealClock()}, ScalerSettings{});
  std::promise<std::int64_t> scaled;
  bool done = false;
  cluster.OnScale([&](std::int64_t replicas) {
    if (replicas == 1 && !done) {
      done = true;
      scaled.set_value(replicas);
    }
  });
  scaler.Start();
  scaler.Set(Infer());
  queues.Put("asya-default-infer", Waiting(1));
  queues.Notify("asya-default-infer");
  auto result = scaled.get_future();
  ASSERT_EQ(result.wait_for(seconds(20)), std::future_status::ready);
  scaler.Stop();
  scaler.Stop();
}

TEST(DecisionRing, KeepsTheLastChangesAndOneReasonWithoutChange) {
  DecisionRing ring;
  for (int i = 0; i < 200; ++i) {
    ports::Decision change{"default", "infer", WallTime{}, i, i + 1, "change", "{}"};
    ring.Add(change);
    ports::Decision same{"default", "infer", WallTime{}, i + 1, i + 1, "same", "{}"};
    ring.Add(same);
  }
  const auto all = ring.Last("default", "infer", 1000);
  EXPECT_EQ(all.size(), kDecisionsPerActor);
  EXPECT_EQ(all[0].reason, "same");
  EXPECT_EQ(all[1].from_replicas, 199);
  EXPECT_EQ(all[2].from_replicas, 198);
  EXPECT_EQ(ring.Last("default", "infer", 2).size(), 2U);
  EXPECT_TRUE(ring.Last("other", "infer", 2).empty());
}

TEST(Rates, MeasuresArrivalsAndServicePerBusyReplica) {
  Rates rates;
  SteadyTime now{std::chrono::hours(1)};
  for (int second = 0; second <= 120; ++second) {
    rates.Observe(now + seconds(second), second * 10, second * 6, 3);
  }
  EXPECT_TRUE(rates.moved());
  EXPECT_NEAR(*rates.arrivals_per_s(), 10, 0.01);
  EXPECT_NEAR(*rates.served_per_replica_s(), 2, 0.01);
  rates.Observe(now + seconds(121), 0, 0, 0);  // counters began anew: no negative rate
  EXPECT_NEAR(*rates.arrivals_per_s(), 10, 0.01);
  rates.Observe(now + seconds(400), 0, 0, 0);
  EXPECT_LT(*rates.arrivals_per_s(), 1);
}

}  // namespace
}  // namespace asya::scaling
