// Ends and hooks that fail themselves.
#include <gtest/gtest.h>

#include "relay/test_end.h"

namespace asya::relay {
namespace {

class FailedEnd : public End {
 protected:
  // x-sump, and nobody who takes a dead letter.
  void BeTheLastPlace() {
    Become("x-sump");
    harness_.settings.gateway.reset();
    harness_.settings.resiliency.policies["default"].max_interval = std::chrono::milliseconds(1);
  }
  bool HasRetried() {
    return RelayHarness::Eventually([&] {
      return harness_.Get("/metrics")
                 .find("asya_actor_messages_processed_total{queue=\"asya-ns-x-sump\",status=\"retried\"}") !=
             std::string::npos;
    });
  }
};

TEST_F(FailedEnd, ASinkThatFailsIsRetriedAndReportedAsFailed) {
  Become("x-sink");
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Raise("builtins.OSError", "disk"); });
  harness_.Start({"x-sink", "x-sump"});
  harness_.Send(Finished("e1", "succeeded"));
  ASSERT_TRUE(WaitFor("task", "e1"));
  EXPECT_EQ(gateway_.items().front().GetString("status"), "failed");
  EXPECT_EQ(gateway_.items().front().GetString("actor"), "x-sink");
  EXPECT_EQ(runtime.CallsOf("e1"), 2);
  EXPECT_TRUE(harness_.Take("x-sump").has_value());
}

TEST_F(FailedEnd, ASinkThatHangsIsCutOffRetriedAndReportedAsFailed) {
  Become("x-sink");
  harness_.settings.actor_timeout = std::chrono::milliseconds(20);
  harness_.limits.kill_grace = std::chrono::milliseconds(1);
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.WaitForClose(); });
  harness_.Start({"x-sink", "x-sump"});
  harness_.Send(Finished("e1", "succeeded"));
  ASSERT_TRUE(WaitFor("task", "e1"));
  EXPECT_EQ(gateway_.items().front().GetString("status"), "failed");
  EXPECT_EQ(runtime.CallsOf("e1"), 2);
  EXPECT_TRUE(harness_.Take("x-sump").has_value());
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness_.Stats("x-sink").in_flight == 0; }));
}

TEST_F(FailedEnd, WhatHasFailedStaysSoWhenTheSinkHasToTryTwice) {
  Become("x-sink");
  FakeRuntime runtime(harness_.folder(), [&](Call& call) {
    if (runtime.CallsOf("e1") == 1) return call.Raise("builtins.OSError", "disk");
    EXPECT_EQ(call.envelope().status.attempt, 3) << "of the actor that failed";
    call.Events(
        "event: downstream\ndata: {\"payload\":1,\"route\":{\"prev\":[],\"curr\":\"x-sump\",\"next\":[]}}\n\n"
        "event: done\ndata: {}\n\n");
  });
  harness_.Start({"x-sink", "x-sump"});
  harness_.Send(Exhausted("e1"));
  ASSERT_TRUE(WaitFor("task", "e1"));
  EXPECT_EQ(runtime.CallsOf("e1"), 2);
  EXPECT_EQ(gateway_.items().front().GetString("status"), "failed");
  EXPECT_EQ(gateway_.items().front().Find("hop")->GetInt("attempt"), 2);
  const auto taken = harness_.Take("x-sump");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.phase, "failed");
  EXPECT_EQ(taken->status.error.GetString("type"), "a.B");
  EXPECT_EQ(taken->status.attempt, 3);
  EXPECT_EQ(taken->status.max_attempts, 4);
  EXPECT_FALSE(taken->headers.contains("x-asya-end-attempt")) << "x-sump has attempts of its own";
}

TEST_F(FailedEnd, TheSumpIsTriedAgainForWhatNoActorTriesAnyMore) {
  Become("x-sump");
  FakeRuntime runtime(harness_.folder(), [&](Call& call) {
    if (runtime.CallsOf("e1") == 1) return call.Raise("builtins.OSError", "disk");
    call.Return("1");
  });
  harness_.Start({"x-sump"});
  auto failed = Exhausted("e1");
  failed.route = {{"prep", "infer", "x-sink"}, "x-sump", {}};
  harness_.Send(failed);
  ASSERT_TRUE(WaitFor("type", "dead-letter"));
  EXPECT_EQ(runtime.CallsOf("e1"), 2);
  const json::Value letter = gateway_.items().front();
  const json::Value* status = letter.FindPath({"envelope", "status"});
  EXPECT_EQ(status->GetInt("attempt"), 3);
  EXPECT_EQ(status->GetInt("max_attempts"), 4);
}

TEST_F(FailedEnd, AHookIsTriedAsOftenAsItsOwnPolicySays) {
  Policy quick;
  quick.max_attempts = 3;
  quick.initial_delay = std::chrono::milliseconds(1);
  harness_.settings.resiliency.policies["default"] = quick;
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Raise("builtins.OSError", "disk"); });
  harness_.Start({"infer", "x-sink", "x-sump"});
  auto hooked = Exhausted("e1");
  hooked.route = {{"prep", "x-sink"}, "infer", {"x-sump"}};
  harness_.Send(hooked);
  const auto taken = harness_.Take("x-sump");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(runtime.CallsOf("e1"), 3);
  EXPECT_EQ(taken->status.attempt, 3);
  EXPECT_EQ(taken->status.max_attempts, 4);
}

TEST_F(FailedEnd, ADeadLetterThatNobodyTakesStaysUntilTheSumpHandlesIt) {
  BeTheLastPlace();
  FakeRuntime runtime(harness_.folder(), [&](Call& call) {
    if (runtime.CallsOf("e1") < 5) return call.Raise("builtins.OSError", "disk");
    call.Return("1");
  });
  harness_.Start({"x-sump"});
  auto failed = Exhausted("e1");
  failed.route = {{"prep", "infer", "x-sink"}, "x-sump", {}};
  harness_.Send(failed);
  EXPECT_TRUE(RelayHarness::Eventually([&] { return runtime.CallsOf("e1") == 5; }));
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness_.Stats("x-sump").settled_total == 1; }));
}

TEST_F(FailedEnd, BytesThatNobodyTakesStayAsTheyAre) {
  BeTheLastPlace();
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Return("1"); });
  harness_.Start({"x-sump"});
  harness_.SendBytes("non\xFFsense");
  ASSERT_TRUE(HasRetried());
  const std::string metrics = harness_.Get("/metrics");
  EXPECT_EQ(metrics.find("asya_actor_messages_failed_total{"), std::string::npos) << "it has not ended";
  (void)harness_.PostDrain();
  EXPECT_EQ(harness_.TakeBytes("x-sump"), "non\xFFsense");
}

}  // namespace
}  // namespace asya::relay
