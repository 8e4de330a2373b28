// Workers that die in the middle of calls.
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/support/fake_runtime.h"
#include "tests/support/relay_harness.h"

namespace asya::relay {
namespace {

using tests::FakeRuntime;
using tests::RelayHarness;
using Call = FakeRuntime::Call;

TEST(Crash, ACallWhoseWorkerDiedRunsAgainAndCountsNoAttempt) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    if (runtime.CallsOf("e1") == 1) {
      call.Die();
      return;
    }
    call.Return(std::to_string(call.envelope().status.attempt));
  });
  harness.Start();
  harness.Send(harness.Make("e1", {"post"}));
  const auto taken = harness.Take("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, "1");
}

TEST(Crash, AStreamThatEndsWithoutDoneIsACrashAndItsFramesAreNotSent) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    const std::string frame = "event: downstream\ndata: " + call.Frame("1") + "\n\n";
    if (runtime.CallsOf("e1") == 1) {
      call.Events(frame);
      call.Die();
    } else {
      call.Events(frame + "event: done\ndata: {}\n\n");
    }
  });
  harness.Start();
  harness.Send(harness.Make("e1", {"post"}));
  EXPECT_TRUE(harness.Take("post").has_value());
  EXPECT_EQ(runtime.CallsOf("e1"), 2);
  EXPECT_EQ(harness.Stats("post").arrived_total, 1);
}

TEST(Crash, PoisonEndsAsADeadLetterAfterItsLimit) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    if (call.envelope().id == "poison") {
      call.Die("killed by SIGSEGV");
    } else {
      call.Return("1");
    }
  });
  harness.Start();
  harness.Send(harness.Make("poison", {"post"}, "8"));
  harness.Send(harness.Make("good", {"post"}));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.reason, "RuntimeError");
  EXPECT_EQ(taken->status.error.GetString("type"), "RuntimeCrash");
  EXPECT_EQ(taken->status.error.GetString("message"),
            "the worker died 5 times in the middle of this call (killed by SIGSEGV)");
  EXPECT_EQ(taken->payload, "8");
  EXPECT_TRUE(harness.Take("post").has_value());
  // Five alone, and at most one more on a connection that may have been stale.
  EXPECT_GE(runtime.CallsOf("poison"), 5);
  EXPECT_LE(runtime.CallsOf("poison"), 6);
}

// Its worker dies, and is not back before the message has gone back.
void DieForLong(FakeRuntime& runtime) {
  runtime.SetHealth(R"({"status":"loading"})");
  runtime.CutCalls();
}

// Has the worker come back each time that all has gone back, until there is a dead letter.
std::optional<model::Envelope> TakeLetter(RelayHarness& harness, FakeRuntime& runtime) {
  const auto has_letter = [&] { return harness.Stats("x-sink").visible > 0; };
  constexpr int kDeathsMax = 8;
  for (int death = 1; death <= kDeathsMax; ++death) {
    RelayHarness::Eventually([&] {
      const ports::QueueStats stats = harness.Stats("infer");
      return has_letter() || (runtime.CallsOf("poison") == death && stats.visible > 0 && stats.in_flight == 0);
    });
    if (has_letter()) return harness.Take("x-sink");
    runtime.SetHealth(R"({"status":"ready"})");
  }
  return std::nullopt;
}

TEST(Crash, PoisonIsCountedThoughTheWorkerTakesLongerToComeBackThanSuspectsWait) {
  RelayHarness harness;
  harness.limits.suspect_patience = std::chrono::milliseconds(1);
  FakeRuntime runtime(harness.folder(), [&](Call&) { DieForLong(runtime); });
  harness.Start();
  harness.Send(harness.Make("poison"));
  const auto taken = TakeLetter(harness, runtime);
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.error.GetString("type"), "RuntimeCrash");
  EXPECT_EQ(runtime.CallsOf("poison"), 5);
}

TEST(Crash, WhatSharedACrashAndWentBackRunsAloneAfterwards) {
  RelayHarness harness;
  harness.settings.concurrency = 2;
  harness.limits.suspect_patience = std::chrono::milliseconds(1);
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    if (call.envelope().id == "poison") {
      RelayHarness::Eventually([&] { return runtime.CallsOf("beside") > 0; });
      DieForLong(runtime);
    } else if (runtime.CallsOf("beside") == 1) {
      call.WaitForClose();
    } else {
      call.Return("1");
    }
  });
  harness.Start();
  for (const char* id : {"poison", "beside"}) harness.Send(harness.Make(id, {"post"}));
  ASSERT_TRUE(TakeLetter(harness, runtime).has_value());
  EXPECT_TRUE(harness.Take("post").has_value());
  EXPECT_EQ(runtime.CallsOf("poison"), 5);
  EXPECT_EQ(runtime.CallsOf("beside"), 2);
}

TEST(Crash, ACallThatEndsAfterTheSuspectsHaveWaitedGoesBackAtOnce) {
  RelayHarness harness;
  harness.settings.concurrency = 2;
  harness.limits.suspect_patience = std::chrono::milliseconds(1);
  std::atomic<int> calls = 0;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    const int number = ++calls;
    if (number == 1) {
      RelayHarness::Eventually([&] { return calls == 2; });
      call.Die();
    } else if (number == 2) {
      call.WaitForClose();
    } else if (number == 3) {
      runtime.SetHealth(R"({"status":"loading"})");
      RelayHarness::Eventually([&] { return harness.Stats("infer").visible == 1; });  // the other suspect
      runtime.CutCalls();
    } else {
      call.Return("1");
    }
  });
  harness.Start();
  for (const char* id : {"a", "b"}) harness.Send(harness.Make(id, {"post"}));
  EXPECT_TRUE(RelayHarness::Eventually([&] { return calls == 3 && harness.Stats("infer").visible == 2; }));
  runtime.SetHealth(R"({"status":"ready"})");
  EXPECT_TRUE(harness.Take("post").has_value());
  EXPECT_TRUE(harness.Take("post").has_value());
}

TEST(Crash, ADeathWhileTheRelayDrainsIsCounted) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    RelayHarness::Eventually([&] { return harness.Get("/readyz").find("draining") != std::string::npos; });
    call.Die();
  });
  harness.MakeQueue("infer");
  harness.Send(harness.Make("poison"));
  for (int death = 0; death < 5; ++death) {
    harness.Start();
    ASSERT_TRUE(RelayHarness::Eventually([&] { return runtime.CallsOf("poison") == death + 1; }))
        << runtime.CallsOf("poison") << " calls after " << death << " deaths\n"
        << harness.Get("/readyz") << harness.Get("/metrics");
    harness.Stop();
  }
  harness.Start();
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.error.GetString("type"), "RuntimeCrash");
  EXPECT_EQ(runtime.CallsOf("poison"), 5);
}

TEST(Crash, TheDeadLetterTellsOfTheLastDeathThoughThatIsToldAfterTheConnectionEnds) {
  RelayHarness harness;
  harness.limits.end_patience = tests::kPatience;
  const auto crashes = [&] {
    const std::string metrics = harness.Get("/metrics");
    const std::string name = "asya_actor_runtime_errors_total{error_type=\"RuntimeCrash\",queue=\"asya-ns-infer\"} ";
    const std::size_t at = metrics.find(name);
    return at == std::string::npos ? 0 : std::stoi(metrics.substr(at + name.size()));
  };
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    if (runtime.CallsOf("poison") < 5) return call.Die("killed by SIGSEGV");
    runtime.CutCalls();
    ASSERT_TRUE(RelayHarness::Eventually([&] { return crashes() >= 5; }));
    call.Die("killed by SIGKILL");
  });
  harness.Start();
  harness.Send(harness.Make("poison", {"post"}));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.error.GetString("message"),
            "the worker died 5 times in the middle of this call (killed by SIGKILL)");
}

TEST(Crash, TheDeadLetterTellsNothingOfTheDeathOfAnEarlierWorker) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    if (call.envelope().id == "poison") {
      call.Die();  // and nobody knows how
    } else if (runtime.CallsOf("first") == 1) {
      call.Die("killed by SIGSEGV");
    } else {
      call.Return("1");
    }
  });
  harness.Start();
  harness.Send(harness.Make("first", {"post"}));
  ASSERT_TRUE(harness.Take("post").has_value());
  harness.Send(harness.Make("poison", {"post"}));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.error.GetString("message"), "the worker died 5 times in the middle of this call");
}

TEST(Crash, CallsThatShareACrashRunAgainOneAtATime) {
  RelayHarness harness;
  harness.settings.concurrency = 3;
  std::atomic<int> together = 0;
  std::atomic<int> running_after = 0;
  std::atomic<int> most_after = 0;
  std::atomic<bool> died = false;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    if (!died) {
      ++together;
      RelayHarness::Eventually([&] { return together == 3; });
      if (!died.exchange(true)) call.Die();
      call.WaitForClose();
      return;
    }
    most_after = std::max(most_after.load(), ++running_after);
    --running_after;
    if (call.envelope().id == "poison") {
      call.Die();
    } else {
      call.Return("1");
    }
  });
  harness.Start();
  for (const char* id : {"a", "poison", "b"}) harness.Send(harness.Make(id, {"post"}));
  EXPECT_TRUE(harness.Take("x-sink").has_value());
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("post").arrived_total == 2; }));
  EXPECT_EQ(most_after, 1);
  EXPECT_EQ(runtime.CallsOf("a"), 2);
  EXPECT_EQ(runtime.CallsOf("b"), 2);
}

TEST(Crash, WhatComesBackAfterADeadRelayHasItsCrashesCounted) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  harness.Start({"x-sink", "x-sump", "post"});
  harness.MakeQueue("infer");
  // A consumer that begins and vanishes, five times, as a relay that is killed by its message would.
  harness.Stop();
  harness.Send(harness.Make("killer", {"post"}));
  class Dying final : public ports::ConsumerEvents {
   public:
    explicit Dying(ports::MessageQueue& queue) : queue_(queue) {}
    void OnDeliveries(std::vector<ports::Delivery> deliveries) override {
      queue_.Begin(deliveries.front().tag, deliveries.front().crash_count + 1);
    }
    void OnStarted(ports::DeliveryTag, Status) override { begun.set_value(); }
    void OnSettled(ports::DeliveryTag, Status) override {}
    void OnConnection(bool connected, const std::string&) override {
      if (connected && !granted_) queue_.Grant(1);
      granted_ = true;
    }
    std::promise<void> begun;

   private:
    ports::MessageQueue& queue_;
    bool granted_ = false;
  };
  for (int i = 0; i < 5; ++i) {
    const auto queue = harness.broker().NewConsumer("asya-ns-infer");
    Dying dying(*queue);
    queue->Start(dying);
    dying.begun.get_future().wait();
    harness.broker().Cut(*queue);
    queue->Stop(std::chrono::milliseconds(0));
  }
  harness.Start({});
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.reason, "RuntimeError");
  EXPECT_EQ(runtime.CallsOf("killer"), 0);
}

TEST(Crash, ATimeoutThatKillsTheWorkerBlamesNobodyElse) {
  RelayHarness harness;
  harness.settings.concurrency = 2;
  harness.settings.actor_timeout = std::chrono::milliseconds(100);
  harness.limits.kill_grace = std::chrono::milliseconds(5);
  std::atomic<int> neighbour = 0;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    if (call.envelope().id == "slow") {
      call.WaitForClose();
      call.Die();
    } else if (call.envelope().id == "warm" || ++neighbour > 1) {
      call.Return("1");
    } else {
      RelayHarness::Eventually([&] { return runtime.CallsOf("slow") == 1; });
      call.WaitForClose();
    }
  });
  harness.Start();
  harness.Send(harness.Make("slow", {"post"}));
  const auto failed = harness.Take("x-sink");
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->id, "slow");
  EXPECT_EQ(failed->status.reason, "Timeout");
}

TEST(Crash, GarbageFromTheRuntimeIsAnErrorOfTheCall) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) {
    if (call.envelope().id == "garbage") {
      call.Send("\x01\x02 what is this\r\n\r\n");
    } else {
      call.Return("1");
    }
  });
  harness.Start();
  harness.Send(harness.Make("garbage"));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.error.GetString("type"), "RuntimeProtocolError");
  harness.Send(harness.Make("good", {"post"}));
  EXPECT_TRUE(harness.Take("post").has_value());
}

}  // namespace
}  // namespace asya::relay
