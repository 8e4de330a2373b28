// Readiness, drain, and what survives a lost connection.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

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

TEST(Readiness, WhatComesWhileTheHandlerIsLoadedGoesBack) {
  RelayHarness harness;
  harness.limits.suspect_patience = std::chrono::milliseconds(0);
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  harness.Start();
  harness.Send(harness.Make("e1", {"post"}));
  ASSERT_TRUE(harness.Take("post").has_value());
  runtime.SetHealth(R"({"status":"loading"})");
  ASSERT_TRUE(RelayHarness::Eventually([&] { return harness.Get("/readyz").find("loaded") != std::string::npos; }));
  harness.Send(harness.Make("e2", {"post"}));
  harness.consumer().Grant(1);  // as one that was on its way when all were revoked
  const std::string both = "asya_actor_messages_received_total{queue=\"asya-ns-infer\",transport=\"sqlite\"} 2";
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Get("/metrics").find(both) != std::string::npos; }));
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").visible == 1; }));
  runtime.SetHealth(R"({"status":"ready"})");
  EXPECT_TRUE(harness.Take("post").has_value());
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
  // So many that one of them that is held up does not count.
  constexpr int kWarm = 20;
  for (int i = 0; i < kWarm; ++i) {
    harness.Send(harness.Make("warm", {"post"}));
    ASSERT_TRUE(harness.Take("post").has_value());
  }
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) harness.Send(harness.Make(id, {"post"}));
  ASSERT_TRUE(
      RelayHarness::Eventually([&] { return runtime.CallsOf("a") == 1 && harness.Stats("infer").in_flight > 1; }));
  runtime.SetHealth(R"({"status":"failed","error":{"type":"ImportError","message":"no"}})");
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 1; }));
  EXPECT_EQ(harness.Stats("infer").visible, 5);
  finish.set_value();
  EXPECT_TRUE(harness.Take("post").has_value());
  runtime.SetHealth(R"({"status":"ready"})");
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("post").arrived_total == kWarm + 6; }));
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
  ASSERT_TRUE(RelayHarness::Eventually([&] { return harness.Get("/readyz").find("draining") != std::string::npos; }));
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

// Another replica of the actor, that holds what it gets.
class Replica final : public ports::ConsumerEvents {
 public:
  explicit Replica(RelayHarness& harness) : queue_(harness.broker().NewConsumer("asya-ns-infer")) {
    queue_->Start(*this);
    EXPECT_TRUE(RelayHarness::Eventually([this] { return connected_.load(); }));
  }
  ~Replica() override { queue_->Stop(std::chrono::milliseconds(0)); }
  void Grant() { queue_->Grant(1); }
  void GiveBack() {
    ports::Settlement settlement;
    settlement.action = ports::Settlement::Action::kGiveBack;
    settlement.tag = ports::DeliveryTag(1);
    queue_->Settle(settlement);
  }
  void OnDeliveries(std::vector<ports::Delivery>) override {}
  void OnStarted(ports::DeliveryTag, Status) override {}
  void OnSettled(ports::DeliveryTag, Status) override {}
  void OnConnection(bool connected, const std::string&) override { connected_ = connected; }

 private:
  std::unique_ptr<ports::MessageQueue> queue_;
  std::atomic<bool> connected_ = false;
};

TEST(Readiness, ABusyRelayTakesItsOwnMessageBackBeforeAnotherRunsItAgain) {
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
  Replica other(harness);
  harness.broker().Cut(harness.consumer());
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 1; }));
  other.Grant();
  finish.set_value();
  EXPECT_TRUE(harness.Take("post").has_value());
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 0; }));
  EXPECT_EQ(harness.Stats("infer").settled_total, 1);
}

TEST(Readiness, WhatABusyRelayGetsInPlaceOfItsOwnMessageGoesBack) {
  RelayHarness harness;
  harness.limits.first_seek_pause = harness.limits.longest_seek_pause = std::chrono::milliseconds(1);
  std::promise<void> finish;
  const auto finished = finish.get_future().share();
  FakeRuntime runtime(harness.folder(), [finished](Call& call) {
    finished.wait();
    call.Return("1");
  });
  harness.Start();
  harness.Send(harness.Make("e1", {"post"}));
  ASSERT_TRUE(RelayHarness::Eventually([&] { return runtime.CallsOf("e1") == 1; }));
  {
    Replica other(harness);
    other.Grant();
    harness.broker().Cut(harness.consumer());
    harness.Send(harness.Make("e2", {"post"}));
    // Taken and given back, again and again.
    const auto received = [&] {
      const std::string metrics = harness.Get("/metrics");
      const std::size_t at = metrics.find("} ", metrics.find("asya_actor_messages_received_total{"));
      return at == std::string::npos ? 0 : std::stoi(metrics.substr(at + 2));
    };
    EXPECT_TRUE(RelayHarness::Eventually([&] { return received() >= 4; }));
    EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").visible == 1; }));
    other.GiveBack();
    EXPECT_TRUE(RelayHarness::Eventually(
        [&] { return harness.Stats("infer").in_flight == 1 && harness.Stats("infer").visible == 1; }));
  }
  finish.set_value();
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("post").arrived_total == 2; }));
  EXPECT_EQ(runtime.CallsOf("e1"), 1);
  EXPECT_EQ(runtime.CallsOf("e2"), 1);
}

}  // namespace
}  // namespace asya::relay
