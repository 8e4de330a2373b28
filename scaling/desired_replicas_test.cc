#include "scaling/desired_replicas.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/random.h"

namespace asya::scaling {
namespace {

using ports::ScalingPolicy;
using std::chrono::seconds;

const SteadyTime kStart{std::chrono::hours(10)};

Signals At(seconds since_start) {
  Signals signals;
  signals.now = kStart + since_start;
  return signals;
}

Signals WithWork(std::int64_t visible, std::int64_t in_flight, std::int64_t ready, std::int64_t starting = 0) {
  Signals signals = At(seconds(0));
  signals.visible = visible;
  signals.in_flight = in_flight;
  signals.ready = ready;
  signals.starting = starting;
  signals.busy = std::min(in_flight, ready);
  return signals;
}

ScalingPolicy Policy(std::int64_t minimum, std::int64_t maximum, std::int64_t queue_length) {
  ScalingPolicy policy;
  policy.min_replicas = minimum;
  policy.max_replicas = maximum;
  policy.queue_length = queue_length;
  return policy;
}

TEST(DesiredReplicas, GrowsInOneStepToWhatTheWorkCallsFor) {
  struct Case {
    Signals signals;
    ScalingPolicy policy;
    std::int64_t replicas;
    Cause cause;
  };
  const std::vector<Case> cases = {
      {WithWork(0, 0, 0), Policy(0, 10, 5), 0, Cause::kIdle},
      {WithWork(1, 0, 0), Policy(0, 10, 5), 1, Cause::kBacklog},
      {WithWork(5, 0, 0), Policy(0, 10, 5), 1, Cause::kBacklog},
      {WithWork(6, 0, 0), Policy(0, 10, 5), 2, Cause::kBacklog},
      {WithWork(4, 2, 1), Policy(0, 10, 5), 2, Cause::kBacklog},
      {WithWork(49, 0, 0), Policy(0, 10, 5), 10, Cause::kBacklog},
      {WithWork(51, 0, 0), Policy(0, 10, 5), 10, Cause::kMaximum},
      {WithWork(1'000'000'000'000, 0, 0), Policy(0, 10, 1), 10, Cause::kMaximum},
      {WithWork(0, 0, 0), Policy(2, 10, 5), 2, Cause::kMinimum},
      {WithWork(1, 0, 2), Policy(2, 10, 5), 2, Cause::kBacklog},
      {WithWork(3, 0, 0, 3), Policy(0, 10, 1), 3, Cause::kBacklog},  // starting ones count: no more are asked for
      {WithWork(4, 0, 1, 2), Policy(0, 10, 1), 4, Cause::kBacklog},
      {WithWork(7, 0, 0), Policy(0, 10, 0), 7, Cause::kBacklog},  // a broken queueLength counts as one
      {WithWork(0, 0, 12), Policy(0, 10, 1), 10, Cause::kMaximum},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Desired desired = DesiredReplicas(cases[i].signals, cases[i].policy, Memory{});
    EXPECT_EQ(desired.replicas, cases[i].replicas) << "case " << i << ": " << desired.reason;
    EXPECT_EQ(desired.cause, cases[i].cause) << "case " << i << ": " << desired.reason;
    EXPECT_FALSE(desired.reason.empty());
  }
}

TEST(DesiredReplicas, SaysWhyInWordsAndNumbers) {
  EXPECT_EQ(DesiredReplicas(WithWork(12, 3, 1), Policy(0, 10, 5), {}).reason,
            "12 envelopes wait, 3 are in work; one replica takes 5, so 3 replicas");
  EXPECT_EQ(DesiredReplicas(WithWork(1, 0, 0), Policy(0, 10, 5), {}).reason,
            "1 envelope waits; one replica takes 5, so 1 replica");
  EXPECT_EQ(DesiredReplicas(WithWork(100, 0, 0), Policy(0, 3, 5), {}).reason,
            "100 envelopes wait; one replica takes 5, but maxReplicaCount allows 3 replicas");
}

TEST(DesiredReplicas, PausedGoesBeforeWork) {
  ScalingPolicy policy = Policy(1, 10, 1);
  policy.paused = true;
  const Desired desired = DesiredReplicas(WithWork(100, 1, 1), policy, {});
  EXPECT_EQ(desired.replicas, 0);
  EXPECT_EQ(desired.cause, Cause::kPaused);
}

TEST(DesiredReplicas, FixedCountGoesBeforeWork) {
  ScalingPolicy policy = Policy(0, 10, 1);
  policy.enabled = false;
  policy.fixed_replicas = 4;
  EXPECT_EQ(DesiredReplicas(WithWork(100, 0, 0), policy, {}).replicas, 4);
  EXPECT_EQ(DesiredReplicas(WithWork(0, 0, 9), policy, {}).replicas, 4);
}

TEST(DesiredReplicas, GoesToZeroOnlyAfterTheWholeCooldown) {
  ScalingPolicy policy = Policy(0, 10, 1);
  policy.cooldown = seconds(30);
  Signals working = At(seconds(0));
  working.ready = 1;
  working.in_flight = working.busy = 1;
  Desired desired = DesiredReplicas(working, policy, {});
  EXPECT_EQ(desired.replicas, 1);
  Signals idle = At(seconds(1));
  idle.ready = 1;
  desired = DesiredReplicas(idle, policy, desired.memory);
  EXPECT_EQ(desired.replicas, 1);
  EXPECT_EQ(desired.cause, Cause::kCooling);
  EXPECT_EQ(desired.reason, "no work; the cooldown keeps 1 replica for another 29 s");
  ASSERT_TRUE(desired.look_again.has_value());
  EXPECT_EQ(*desired.look_again, kStart + seconds(30));
  idle.now = kStart + seconds(29);
  desired = DesiredReplicas(idle, policy, desired.memory);
  EXPECT_EQ(desired.replicas, 1);
  idle.now = kStart + seconds(30);
  desired = DesiredReplicas(idle, policy, desired.memory);
  EXPECT_EQ(desired.replicas, 0);
  EXPECT_EQ(desired.cause, Cause::kIdle);
}

TEST(DesiredReplicas, WorkThatCameAndWentBetweenTwoLooksRestartsTheCooldown) {
  ScalingPolicy policy = Policy(0, 10, 1);
  policy.cooldown = seconds(30);
  Signals idle = At(seconds(0));
  idle.ready = 1;
  Desired desired = DesiredReplicas(idle, policy, {});
  idle.now = kStart + seconds(20);
  idle.moved = true;
  desired = DesiredReplicas(idle, policy, desired.memory);
  idle.now = kStart + seconds(40);
  idle.moved = false;
  desired = DesiredReplicas(idle, policy, desired.memory);
  EXPECT_EQ(desired.replicas, 1);
  idle.now = kStart + seconds(50);
  EXPECT_EQ(DesiredReplicas(idle, policy, desired.memory).replicas, 0);
}

TEST(DesiredReplicas, ABusyReplicaOutlivesTheCooldown) {
  ScalingPolicy policy = Policy(0, 10, 5);
  policy.cooldown = seconds(0);
  Signals signals = At(seconds(100));
  signals.ready = 1;
  signals.busy = 1;  // its queue already shows nothing in flight
  EXPECT_EQ(DesiredReplicas(signals, policy, {}).replicas, 1);
}

TEST(DesiredReplicas, LowersToTheMostThatWasNeededWhileSettling) {
  const ScalingPolicy policy = Policy(0, 10, 1);
  Desired desired = DesiredReplicas(WithWork(8, 0, 8), policy, {});
  Signals less = WithWork(3, 0, 8);
  less.now = kStart + seconds(1);
  desired = DesiredReplicas(less, policy, desired.memory);
  EXPECT_EQ(desired.replicas, 8);
  EXPECT_EQ(desired.cause, Cause::kSettling);
  less.visible = 5;
  less.now = kStart + seconds(30);
  desired = DesiredReplicas(less, policy, desired.memory);
  less.visible = 2;
  less.now = kStart + seconds(60);
  desired = DesiredReplicas(less, policy, desired.memory);
  EXPECT_EQ(desired.replicas, 8);
  less.now = kStart + seconds(61);
  desired = DesiredReplicas(less, policy, desired.memory);
  EXPECT_EQ(desired.replicas, 5);
}

TEST(DesiredReplicas, AReturnOfWorkEndsTheSettling) {
  const ScalingPolicy policy = Policy(0, 10, 1);
  Signals signals = WithWork(3, 0, 8);
  Desired desired = DesiredReplicas(signals, policy, {});
  signals.visible = 8;
  signals.now += seconds(59);
  desired = DesiredReplicas(signals, policy, desired.memory);
  EXPECT_FALSE(desired.memory.surplus_since.has_value());
  signals.visible = 3;
  signals.now += seconds(2);
  EXPECT_EQ(DesiredReplicas(signals, policy, desired.memory).replicas, 8);
}

TEST(DesiredReplicas, TheArrivalRateHoldsReplicasButStartsNone) {
  const ScalingPolicy policy = Policy(0, 10, 5);
  Signals signals = WithWork(1, 0, 4);
  signals.arrivals_per_s = 8;
  signals.served_per_replica_s = 2.5;
  Memory long_settled;
  long_settled.last_active = kStart;
  long_settled.surplus_since = kStart - seconds(100);
  const Desired held = DesiredReplicas(signals, policy, long_settled);
  EXPECT_EQ(held.replicas, 4);
  EXPECT_EQ(held.cause, Cause::kRate);
  signals.ready = 1;
  EXPECT_EQ(DesiredReplicas(signals, policy, {}).replicas, 1);
}

TEST(DesiredReplicas, AMaximumLoweredBelowWhatRunsHoldsAtOnce) {
  const Desired desired = DesiredReplicas(WithWork(20, 5, 5), Policy(0, 2, 1), {});
  EXPECT_EQ(desired.replicas, 2);
  EXPECT_EQ(desired.cause, Cause::kMaximum);
}

class DesiredReplicasProperty : public ::testing::TestWithParam<std::uint64_t> {};

// Random signals and policies: the bounds hold, busy replicas stay, growth covers the work.
TEST_P(DesiredReplicasProperty, HoldsForRandomSignals) {
  Random random(GetParam());
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  Memory memory;
  SteadyTime now = kStart;
  for (int step = 0; step < 2000; ++step) {
    ScalingPolicy policy = Policy(random.Between(0, 3), random.Between(3, 20), random.Between(1, 10));
    policy.cooldown = seconds(random.Between(0, 120));
    Signals signals;
    now += seconds(random.Between(0, 50));
    signals.now = now;
    signals.visible = random.Between(0, 3) == 0 ? random.Between(0, 300) : 0;
    signals.ready = random.Between(0, 20);
    signals.starting = random.Between(0, 5);
    signals.busy = random.Between(0, signals.ready);
    signals.in_flight = signals.busy * random.Between(1, 3);
    if (random.Between(0, 1) == 1) {
      signals.arrivals_per_s = random.Unit() * 20;
      signals.served_per_replica_s = random.Unit() * 5;
    }
    const Desired desired = DesiredReplicas(signals, policy, memory);
    const std::int64_t present = signals.ready + signals.starting;
    ASSERT_GE(desired.replicas, policy.min_replicas);
    ASSERT_LE(desired.replicas, policy.max_replicas);
    ASSERT_GE(desired.replicas, std::min(signals.busy, policy.max_replicas)) << desired.reason;
    if (signals.visible > 0) {
      ASSERT_GE(desired.replicas, 1);
      const std::int64_t enough = (signals.visible + signals.in_flight + policy.queue_length - 1) / policy.queue_length;
      ASSERT_GE(desired.replicas, std::min(enough, policy.max_replicas)) << desired.reason;
    }
    if (desired.replicas > present) {
      ASSERT_TRUE(desired.cause == Cause::kBacklog || desired.cause == Cause::kMinimum ||
                  desired.cause == Cause::kMaximum);
    }
    memory = desired.memory;
  }
}

// A cluster that does what it is told: after the work has ended, the count reaches the minimum and stays there.
TEST_P(DesiredReplicasProperty, SettlesWhenTheSignalsDo) {
  Random random(GetParam());
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  ScalingPolicy policy = Policy(random.Between(0, 2), random.Between(2, 12), random.Between(1, 8));
  policy.cooldown = seconds(random.Between(0, 300));
  Memory memory;
  Signals signals;
  signals.now = kStart;
  std::int64_t replicas = random.Between(0, 12);
  std::int64_t changes_after_rest = 0;
  for (int second = 0; second < 1200; ++second) {
    signals.now += seconds(1);
    signals.visible = second < 100 ? random.Between(0, 60) : 0;
    signals.ready = replicas;
    const Desired desired = DesiredReplicas(signals, policy, memory);
    if (second > 800 && desired.replicas != replicas) ++changes_after_rest;
    if (desired.replicas == replicas && desired.look_again) {
      ASSERT_GT(*desired.look_again, signals.now);
    }
    replicas = desired.replicas;
    memory = desired.memory;
  }
  EXPECT_EQ(replicas, policy.min_replicas);
  EXPECT_EQ(changes_after_rest, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, DesiredReplicasProperty, ::testing::Range<std::uint64_t>(1, 41));

}  // namespace
}  // namespace asya::scaling
