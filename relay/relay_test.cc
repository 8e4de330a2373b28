#include "relay/relay.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>

#include "tests/support/fake_runtime.h"
#include "tests/support/relay_harness.h"

namespace asya::relay {
namespace {

using tests::FakeRuntime;
using tests::RelayHarness;
using Call = FakeRuntime::Call;

Policy Retries(std::int64_t attempts, std::chrono::microseconds delay) {
  Policy policy;
  policy.max_attempts = attempts;
  policy.initial_delay = delay;
  policy.backoff = Backoff::kConstant;
  policy.jitter = false;
  return policy;
}

TEST(Relay, AnEnvelopeGoesOnWithItsPayloadBytesHeadersAndDeadline) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return(R"({ "a" :  1.10,"b":"\u00e9"})"); });
  harness.Start();
  harness.Send(harness.Make("e1", {"post", "last"}));
  const auto taken = harness.Take("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, R"({ "a" :  1.10,"b":"\u00e9"})");
  EXPECT_EQ(taken->id, "e1");
  EXPECT_EQ(taken->route, (model::Route{{"prep", "infer"}, "post", {"last"}}));
  EXPECT_EQ(taken->headers.at("mine"), json::Value("kept"));
  EXPECT_EQ(taken->status.deadline_at, "2099-11-18T12:05:00Z");
  EXPECT_EQ(taken->status.created_at, "2026-11-18T12:00:00Z");
  EXPECT_EQ(taken->status.phase, "pending");
  EXPECT_EQ(taken->status.actor, "post");
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 0; }));
}

TEST(Relay, TheEndOfTheRouteAndNoneBothGoToTheSink) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) {
    if (call.envelope().id == "none") {
      call.ReturnNone();
    } else {
      call.Return("[2]");
    }
  });
  harness.Start();
  harness.Send(harness.Make("e1"));
  auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, "[2]");
  EXPECT_EQ(taken->route, (model::Route{{"prep", "infer"}, "x-sink", {}}));
  EXPECT_EQ(taken->status.phase, "succeeded");
  EXPECT_EQ(taken->status.reason, "Completed");
  harness.Send(harness.Make("none", {"post"}));
  taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->id, "none");
  EXPECT_EQ(taken->payload, "null");
  EXPECT_EQ(taken->status.phase, "succeeded");
}

TEST(Relay, AGeneratorFansOutWithDerivedIdsThatARepetitionRepeats) {
  RelayHarness harness;
  harness.settings.resiliency.policies["default"] = Retries(2, std::chrono::milliseconds(1));
  std::atomic<int> calls = 0;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    std::string events;
    for (int i = 0; i < 3; ++i) events += "event: downstream\ndata: " + call.Frame(std::to_string(i)) + "\n\n";
    // Fails after its frames the first time: none of them may be seen.
    if (++calls == 1) {
      events += "event: error\ndata: {\"error\":\"processing_error\",\"details\":{\"type\":\"a.B\"}}\n\n";
    }
    call.Events(events + "event: done\ndata: {}\n\n");
  });
  harness.Start();
  auto envelope = harness.Make("parent", {"post"});
  envelope.parent_id = "grandparent";
  harness.Send(envelope);
  for (int i = 0; i < 3; ++i) {
    const auto taken = harness.Take("post");
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(taken->payload, std::to_string(i));
    EXPECT_EQ(taken->id, model::DeriveId("parent", "infer", i));
    EXPECT_EQ(taken->parent_id, i == 0 ? "grandparent" : "parent");
  }
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(harness.Stats("post").arrived_total, 3);
}

TEST(Relay, ARetryWaitsItsDelayInTheSameQueueAndCountsItsAttempts) {
  RelayHarness harness;
  constexpr std::chrono::milliseconds kDelay{300};
  harness.settings.resiliency.policies["default"] = Retries(3, kDelay);
  std::mutex mutex;
  std::vector<SteadyTime> times;
  std::vector<std::string> firsts;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    {
      const std::lock_guard lock(mutex);
      times.push_back(RealClock().Steady());
      const auto first = call.envelope().headers.find("x-asya-first-attempt");
      firsts.push_back(first == call.envelope().headers.end() ? "" : first->second.AsString());
    }
    if (call.envelope().status.attempt < 3) {
      call.Raise("builtins.ValueError", "again", {"builtins.Exception"});
    } else {
      call.Return("3");
    }
  });
  harness.Start();
  harness.Send(harness.Make("e1", {"post"}));
  const auto taken = harness.Take("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, "3");
  EXPECT_TRUE(taken->status.error.IsNull());
  EXPECT_EQ(taken->status.attempt, 1);
  EXPECT_EQ(taken->headers.count("x-asya-first-attempt"), 0U);
  ASSERT_EQ(times.size(), 3U);
  EXPECT_GE(times[1] - times[0], kDelay);
  EXPECT_GE(times[2] - times[1], kDelay);
  EXPECT_EQ(firsts[0], "");
  EXPECT_NE(firsts[1], "");
  EXPECT_EQ(firsts[1], firsts[2]);
}

TEST(Relay, ExhaustedRetriesFailWithTheErrorAndTheEnvelopeIntact) {
  RelayHarness harness;
  harness.settings.resiliency.policies["default"] = Retries(2, std::chrono::milliseconds(1));
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Raise("builtins.KeyError", "'x'", {"LookupError"}); });
  harness.Start();
  harness.Send(harness.Make("e1", {"post"}, R"({"in": 1})"));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, R"({"in": 1})");
  EXPECT_EQ(taken->headers.at("mine"), json::Value("kept"));
  EXPECT_EQ(taken->status.phase, "failed");
  EXPECT_EQ(taken->status.reason, "PolicyExhausted");
  EXPECT_EQ(taken->status.actor, "infer");
  EXPECT_EQ(taken->status.attempt, 2);
  EXPECT_EQ(taken->status.error.GetString("type"), "builtins.KeyError");
  EXPECT_EQ(taken->status.error.GetString("traceback"), "line 1");
  EXPECT_EQ(taken->status.deadline_at, "2099-11-18T12:05:00Z");
  EXPECT_EQ(AsItFailed(*taken).route, (model::Route{{"prep"}, "infer", {"post"}}));
  EXPECT_EQ(runtime.CallsOf("e1"), 2);
}

TEST(Relay, WithoutAPolicyAnErrorFailsAtOnce) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Raise("a.B", "no"); });
  harness.Start();
  harness.Send(harness.Make("e1"));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.reason, "RuntimeError");
  EXPECT_EQ(runtime.CallsOf("e1"), 1);
}

TEST(Relay, TheExhaustedRouteReachesItsActor) {
  RelayHarness harness;
  Policy policy = Retries(1, std::chrono::milliseconds(1));
  policy.on_exhausted = {"rescue", "last"};
  harness.settings.resiliency.policies["rescued"] = policy;
  harness.settings.resiliency.rules.push_back({{"LookupError"}, "rescued"});
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Raise("a.KeyError", "x", {"builtins.LookupError"}); });
  harness.Start({"infer", "rescue", "x-sink"});
  harness.Send(harness.Make("e1", {"post"}, "7"));
  const auto taken = harness.Take("rescue");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->route, (model::Route{{"prep", "infer"}, "rescue", {"last"}}));
  EXPECT_EQ(taken->status.error.GetString("type"), "a.KeyError");
  EXPECT_EQ(taken->status.reason, "PolicyRouted");
  EXPECT_EQ(taken->status.phase, "pending");
  EXPECT_EQ(taken->payload, "7");
  EXPECT_FALSE(Admit(*taken, "rescue", Standing::kOpen, RealClock().Now()).has_value());
}

TEST(Relay, ASlowHandlerIsCutOffAndFollowsItsPolicyAsTimeout) {
  RelayHarness harness;
  harness.settings.actor_timeout = std::chrono::milliseconds(50);
  harness.limits.kill_grace = std::chrono::milliseconds(1);
  // More than two: on a busy machine calls that answer at once, or have not arrived, may be cut off as well.
  harness.settings.resiliency.policies["late"] = Retries(10, std::chrono::milliseconds(1));
  harness.settings.resiliency.rules.push_back({{"Timeout"}, "late"});
  FakeRuntime runtime(harness.folder(), [](Call& call) {
    // Who is not cut off, or not called again, never comes to its second attempt.
    if (call.envelope().id == "quick" || call.envelope().status.attempt >= 2) {
      call.Return("1");
    } else {
      call.WaitForClose();
    }
  });
  harness.Start();
  harness.Send(harness.Make("slow", {"post"}));
  harness.Send(harness.Make("quick", {"post"}));
  auto first = harness.Take("post");
  auto second = harness.Take("post");
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(std::set<std::string>({first->id, second->id}), (std::set<std::string>{"slow", "quick"}));
}

TEST(Relay, ATimeoutWithoutAPolicyFailsAsTimeout) {
  RelayHarness harness;
  harness.settings.actor_timeout = std::chrono::milliseconds(20);
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.WaitForClose(); });
  harness.Start();
  harness.Send(harness.Make("slow"));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.reason, "Timeout");
  EXPECT_EQ(taken->status.error.GetString("type"), "Timeout");
  EXPECT_EQ(taken->status.error.GetString("message"), "the call took longer than 0.02 s");
  HandlerError error{"Timeout", {}, "", ""};
  for (const json::Value& name : taken->status.error.Find("mro")->AsArray()) error.mro.push_back(name.AsString());
  for (const char* pattern : {"Timeout", "TimeoutError", "builtins.TimeoutError", "Exception", "builtins.Exception"}) {
    EXPECT_TRUE(Matches(pattern, error)) << pattern;
  }
}

TEST(Relay, TheDeadlineIsCheckedBeforeAndBoundsTheCall) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.WaitForClose(); });
  harness.Start();
  auto late = harness.Make("late");
  late.status.deadline_at = "2020-01-01T00:00:00Z";
  harness.Send(late);
  auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.reason, "Timeout");
  EXPECT_EQ(taken->status.deadline_at, "2020-01-01T00:00:00Z");
  EXPECT_EQ(runtime.CallsOf("late"), 0);
  auto soon = harness.Make("soon");
  soon.status.deadline_at = FormatRfc3339(RealClock().Now() + std::chrono::milliseconds(100), true);
  harness.Send(soon);
  taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.reason, "Timeout");
}

TEST(Relay, EachOfSeveralCallsHasItsOwnTime) {
  RelayHarness harness;
  harness.settings.concurrency = 2;
  // So much longer that no hold-up of this machine turns the order.
  harness.settings.actor_timeout = std::chrono::seconds(5);
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.WaitForClose(); });
  harness.Start();
  harness.Send(harness.Make("long"));
  auto brief = harness.Make("brief");
  brief.status.deadline_at = FormatRfc3339(RealClock().Now() + std::chrono::milliseconds(200), true);
  harness.Send(brief);
  for (const char* id : {"brief", "long"}) {
    const auto taken = harness.Take("x-sink");
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(taken->id, id);
    EXPECT_EQ(taken->status.reason, "Timeout");
  }
}

TEST(Relay, AForeignEnvelopeIsRefusedUnlessAnOverrideMapsIt) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  harness.Start({"infer", "post", "canary", "x-sink"});
  auto foreign = harness.Make("foreign");
  foreign.route.curr = "other";
  harness.Send(foreign);
  const auto refused = harness.Take("x-sink");
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->status.reason, "RouteMismatch");
  auto mapped = harness.Make("mapped", {"post"});
  mapped.route.curr = "other";
  mapped.headers["x-asya-route-override"] = json::Object{{"other", "infer"}, {"post", "canary"}};
  harness.Send(mapped);
  const auto taken = harness.Take("canary");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->route.curr, "post");
  EXPECT_EQ(taken->headers.at("x-asya-route-resolved").Find("post")->GetString("target"), "canary");
}

TEST(Relay, AHandlerCannotSendToTheSystemActors) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) {
    call.Events(
        "event: downstream\ndata: {\"payload\":1,\"route\":{\"prev\":[],\"curr\":\"x-sump\",\"next\":[]}}\n\n"
        "event: done\ndata: {}\n\n");
  });
  harness.Start();
  harness.Send(harness.Make("e1"));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.phase, "failed");
  EXPECT_EQ(taken->status.reason, "RouteMismatch");
}

TEST(Relay, TheRuntimeGetsAllPartsOfAnEnvelopeThatHasFewOfThem) {
  RelayHarness harness;
  std::string seen;
  FakeRuntime runtime(harness.folder(), [&seen](Call& call) {
    seen = call.body();
    call.Return("1");
  });
  harness.Start();
  harness.SendBytes(
      R"({"id":"e1","route":{"curr":"infer"},"headers":{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-)"
      R"(b7ad6b7169203331-01"},"status":null,"payload":{"a" :1}})");
  ASSERT_TRUE(harness.Take("x-sink").has_value());
  EXPECT_NE(seen.find(R"("route":{"prev":[],"curr":"infer","next":[]})"), std::string::npos) << seen;
  EXPECT_NE(seen.find(R"("status":{)"), std::string::npos) << seen;
  EXPECT_NE(seen.find(R"("payload":{"a" :1})"), std::string::npos) << seen;
}

TEST(Relay, MalformedBytesBecomeADeadLetterAndNeverLoop) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  harness.Start();
  harness.SendBytes("\xff{not json");
  const auto taken = harness.Take("x-sump");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->id.rfind("raw-", 0), 0U);
  EXPECT_EQ(taken->payload, R"({"raw_base64":"/3tub3QganNvbg=="})");
  EXPECT_EQ(taken->status.reason, "ParseError");
  harness.Send(harness.Make("good", {"post"}));
  EXPECT_TRUE(harness.Take("post").has_value());
  EXPECT_EQ(harness.Stats("x-sump").arrived_total, 1);
}

TEST(Relay, AnUnknownNextActorIsRetriedWithoutRunningTheHandlerAgain) {
  RelayHarness harness;
  harness.limits.first_settle_pause = std::chrono::milliseconds(1);
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("5"); });
  harness.Start({"infer", "x-sink"});
  harness.Send(harness.Make("lost", {"nowhere"}, "4"));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.reason, "Unroutable");
  EXPECT_EQ(taken->payload, "4");
  EXPECT_EQ(runtime.CallsOf("lost"), 1);
}

TEST(Relay, ANextActorThatComesLateGetsTheResult) {
  RelayHarness harness;
  harness.limits.first_settle_pause = std::chrono::milliseconds(5);
  // However long it takes until the queue is made.
  harness.limits.unroutable_attempts = 1'000'000;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("5"); });
  harness.Start({"infer", "x-sink"});
  harness.Send(harness.Make("e1", {"post"}));
  ASSERT_TRUE(RelayHarness::Eventually([&] { return runtime.CallsOf("e1") == 1; }));
  harness.MakeQueue("post");
  EXPECT_TRUE(harness.Take("post").has_value());
  EXPECT_EQ(runtime.CallsOf("e1"), 1);
}

TEST(Relay, AResultOverTheLimitOfTheQueueFailsWithTheInputKept) {
  RelayHarness harness;
  const std::string large = "\"" + std::string(transports::memory::kMessageBytesMax, 'x') + "\"";
  FakeRuntime runtime(harness.folder(), [&](Call& call) { call.Return(large); });
  harness.Start();
  harness.Send(harness.Make("e1", {"post"}, "9"));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, "9");
  EXPECT_EQ(taken->status.error.GetString("type"), "PayloadTooLarge");
}

TEST(Relay, ConcurrencyIsTheNumberOfConnections) {
  RelayHarness harness;
  harness.settings.concurrency = 3;
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    const int now = ++running;
    most = std::max(most.load(), now);
    RelayHarness::Eventually([&] { return most >= 3; });
    --running;
    call.Return("1");
  });
  harness.Start();
  for (int i = 0; i < 12; ++i) harness.Send(harness.Make("e" + std::to_string(i), {"post"}));
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("post").arrived_total == 12; }));
  EXPECT_EQ(most, 3);
  EXPECT_EQ(runtime.connections(), 3);
}

}  // namespace
}  // namespace asya::relay
