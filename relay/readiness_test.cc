// Readiness, drain, and what survives a lost connection.
#include <gtest/gtest.h>

#include <future>

#include "tests/support/fake_runtime.h"
#include "tests/support/relay_harness.h"

namespace asya::relay {
namespace {

using tests::FakeRuntime;
using tests::RelayHarness;
using Call = FakeRuntime::Call;

TEST(Readiness, AHandlerThatIsNotReadyGetsNothingAndSaysWhy) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  runtime.SetHealth(
      R"({"status":"failed","error":{"type":"SyntaxError","message":"bad","file":"handler.py","line":3}})");
  harness.Start();
  ASSERT_TRUE(RelayHarness::Eventually(
      [&] { return harness.Get("/readyz").find("SyntaxError: bad (handler.py, line 3)") != std::string::npos; }));
  EXPECT_NE(harness.Get("/readyz").find("HTTP/1.1 503"), std::string::npos);
  EXPECT_NE(harness.Get("/healthz").find("HTTP/1.1 200"), std::string::npos);
  harness.Send(harness.Make("e1", {"post"}));
  EXPECT_EQ(harness.Stats("infer").visible, 1);
  runtime.SetHealth(R"({"status":"ready"})");
  EXPECT_TRUE(harness.Take("post").has_value());
  EXPECT_NE(harness.Get("/readyz").find("HTTP/1.1 200"), std::string::npos);
  EXPECT_NE(
      harness.Get("/metrics").find("asya_actor_messages_processed_total{queue=\"asya-ns-infer\",status=\"success\"} 1"),
      std::string::npos);
}

TEST(Readiness, WhatHasNotStartedIsGivenBackWhenTheCodeBreaks) {
  RelayHarness harness;
  std::promise<void> finish;
  const auto finished = finish.get_future().share();
  FakeRuntime runtime(harness.folder(), [&, finished](Call& call) {
    if (call.envelope().id == "warm") {
      call.Return("1");  // a fast call, so that the relay takes more than it can run
      return;
    }
    finished.wait();
    call.Return("1");
  });
  harness.Start();
  harness.Send(harness.Make("warm", {"post"}));
  ASSERT_TRUE(harness.Take("post").has_value());
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) harness.Send(harness.Make(id, {"post"}));
  ASSERT_TRUE(
      RelayHarness::Eventually([&] { return runtime.CallsOf("a") == 1 && harness.Stats("infer").in_flight > 1; }));
  runtime.SetHealth(R"({"status":"failed","error":{"type":"ImportError","message":"no"}})");
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 1; }));
  EXPECT_EQ(harness.Stats("infer").visible, 5);
  finish.set_value();
  EXPECT_TRUE(harness.Take("post").has_value());
  runtime.SetHealth(R"({"status":"ready"})");
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("post").arrived_total == 7; }));
}

TEST(Readiness, DrainBlocksUntilWhatRunsIsSettledAndGivesBackTheRest) {
  RelayHarness harness;
  std::promise<void> finish;
  const auto finished = finish.get_future().share();
  FakeRuntime runtime(harness.folder(), [finished](Call& call) {
    if (call.envelope().id != "warm") finished.wait();
    call.Return("1");
  });
  harness.Start();
  harness.Send(harness.Make("warm", {"post"}));
  ASSERT_TRUE(harness.Take("post").has_value());
  for (const char* id : {"a", "b", "c"}) harness.Send(harness.Make(id, {"post"}));
  ASSERT_TRUE(RelayHarness::Eventually([&] { return runtime.CallsOf("a") == 1; }));
  auto drained = std::async(std::launch::async, [&] { return harness.PostDrain(); });
  ASSERT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 1; }));
  EXPECT_EQ(drained.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  finish.set_value();
  EXPECT_NE(drained.get().find("HTTP/1.1 200"), std::string::npos);
  EXPECT_EQ(harness.Stats("post").arrived_total, 2);
  EXPECT_EQ(harness.Stats("infer").visible, 2);
  EXPECT_EQ(runtime.CallsOf("b"), 0);
}

TEST(Readiness, ALostConnectionLosesNoWorkAndRunsNothingTwice) {
  RelayHarness harness;
  std::promise<void> finish;
  const auto finished = finish.get_future().share();
  FakeRuntime runtime(harness.folder(), [finished](Call& call) {
    finished.wait();
    call.Return("1");
  });
  harness.Start();
  harness.Send(harness.Make("e1", {"post"}));
  ASSERT_TRUE(RelayHarness::Eventually([&] { return runtime.CallsOf("e1") == 1; }));
  harness.broker().Cut(harness.consumer());
  ASSERT_TRUE(RelayHarness::Eventually([&] {
    return harness.Get("/metrics").find("asya_actor_reconnects_total{queue=\"asya-ns-infer\"} 1") != std::string::npos;
  }));
  finish.set_value();
  EXPECT_TRUE(harness.Take("post").has_value());
  EXPECT_EQ(runtime.CallsOf("e1"), 1);
  EXPECT_EQ(harness.Stats("post").arrived_total, 1);
}

}  // namespace
}  // namespace asya::relay
