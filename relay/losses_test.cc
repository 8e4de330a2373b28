// Losses and duplicates that other relays of this kind are known for, where no other test has them:
// docs/reliability.md.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/fake_runtime.h"
#include "tests/support/relay_harness.h"

namespace asya::relay {
namespace {

using tests::FakeRuntime;
using tests::RelayHarness;
using Call = FakeRuntime::Call;

TEST(Losses, MalformedBytesStayUntilTheirDeadLetterCanBeSent) {
  RelayHarness harness;
  harness.limits.first_settle_pause = std::chrono::milliseconds(1);
  harness.limits.longest_settle_pause = std::chrono::milliseconds(5);
  harness.limits.unroutable_attempts = 2;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  harness.Start({"infer", "post", "x-sink"});
  harness.SendBytes("\xff{not json");
  harness.Send(harness.Make("good", {"post"}));
  ASSERT_TRUE(harness.Take("post").has_value()) << "it holds up the others";
  EXPECT_EQ(harness.Stats("infer").in_flight, 1);
  harness.MakeQueue("x-sump");
  const auto kept = harness.Take("x-sump");
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->payload, R"({"raw_base64":"/3tub3QganNvbg=="})");
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 0; }));
}

TEST(Losses, AFieldThatIsNoTextBecomesADeadLetterAndNeverLoops) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  harness.Start();
  harness.SendBytes(R"({"\udc00":1,"\udc00":2})");
  const auto taken = harness.Take("x-sump");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, R"({"raw_base64":"eyJcdWRjMDAiOjEsIlx1ZGMwMCI6Mn0="})");
  EXPECT_NE(taken->status.error.GetString("message").value_or("").find("surrogate"), std::string::npos);
  harness.Send(harness.Make("good", {"post"}));
  EXPECT_TRUE(harness.Take("post").has_value());
}

TEST(Losses, TheSameBytesAtTwoActorsAreTwoDeadLetters) {
  const auto id_at = [](const std::string& actor, const std::string& bytes) {
    Place place;
    place.namespace_ = "ns";
    place.actor = actor;
    place.sump = "x-sump";
    return RawLetter(bytes, "no envelope", 0, place).envelope.id;
  };
  EXPECT_EQ(id_at("a", "bytes"), id_at("a", "bytes"));
  EXPECT_NE(id_at("a", "bytes"), id_at("b", "bytes"));
  EXPECT_NE(id_at("a", "bytes"), id_at("a", "others"));
}

TEST(Losses, MoreOutcomesThanAreKeptOverALostConnectionComeAgain) {
  constexpr int kMessages = 12;
  RelayHarness harness;
  harness.settings.concurrency = kMessages;
  harness.limits.orphans = 4;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  harness.Start({"infer", "x-sink", "x-sump"});
  for (int i = 0; i < kMessages; ++i) harness.Send(harness.Make("e" + std::to_string(i), {"post"}));
  // There is no queue yet to which the outcomes could go.
  for (int i = 0; i < kMessages; ++i) {
    ASSERT_TRUE(RelayHarness::Eventually([&] { return runtime.CallsOf("e" + std::to_string(i)) == 1; }));
  }
  ASSERT_TRUE(RelayHarness::Eventually([&] {
    return harness.Get("/metrics").find("asya_actor_in_flight{queue=\"asya-ns-infer\"} 0") != std::string::npos;
  }));
  harness.broker().Cut(harness.consumer());
  harness.MakeQueue("post");
  std::set<std::string> ids;
  for (int i = 0; i < kMessages; ++i) {
    const auto taken = harness.Take("post");
    ASSERT_TRUE(taken.has_value());
    ids.insert(taken->id);
  }
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(kMessages));
}

TEST(Losses, ADoubleOfAMessageKeepsItsWorkOverALostConnectionToo) {
  RelayHarness harness;
  harness.settings.concurrency = 2;
  harness.limits.first_settle_pause = std::chrono::milliseconds(1);
  harness.limits.longest_settle_pause = std::chrono::milliseconds(5);
  harness.limits.unroutable_attempts = 1'000'000;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  harness.Start({"infer", "x-sink", "x-sump"});
  for (int i = 0; i < 2; ++i) harness.Send(harness.Make("same", {"post"}));
  ASSERT_TRUE(RelayHarness::Eventually([&] {
    return runtime.CallsOf("same") == 2 &&
           harness.Get("/metrics").find("asya_actor_in_flight{queue=\"asya-ns-infer\"} 0") != std::string::npos;
  }));
  harness.broker().Cut(harness.consumer());
  ASSERT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 2; }));
  harness.MakeQueue("post");
  EXPECT_TRUE(harness.Take("post").has_value());
  EXPECT_TRUE(harness.Take("post").has_value());
  EXPECT_EQ(runtime.CallsOf("same"), 2);
}

TEST(Losses, LongNamesAndIdsGoOnAsAnyOthers) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  const std::string actor(230, 'a');
  harness.Start({"infer", "post", actor, "x-sink", "x-sump"});
  harness.Send(harness.Make("0af76519-16cd-43dd-8448-eb211c80319c", {actor}));
  EXPECT_TRUE(harness.Take(actor).has_value());
  const std::string id(model::kIdLimitBytes, 'i');
  harness.Send(harness.Make(id, {"post"}));
  const auto taken = harness.Take("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->id, id);
}

TEST(Losses, AnOutcomeThatTheQueueWillNeverTakeFailsTheEnvelope) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  harness.broker().Forbid("asya-ns-odd");
  harness.Start();
  harness.Send(harness.Make("e1", {"odd"}));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.reason, "Unroutable");
  EXPECT_EQ(taken->payload, "1") << "the input is kept";
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 0; }));
}

TEST(Losses, AFailureThatTheQueueWillNeverTakeIsKeptAsBytes) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Raise("a.B", "m"); });
  harness.broker().Forbid("asya-ns-x-sink");
  harness.Start();
  harness.Send(harness.Make("e1"));
  const auto taken = harness.Take("x-sump");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->id.rfind("raw-", 0), 0U);
  EXPECT_NE(taken->payload.find("raw_base64"), std::string::npos);
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 0; }));
}

TEST(Losses, ActorsThatFanOutTheSameEnvelopeMakeDifferentChildren) {
  std::set<std::string> ids;
  for (const char* actor : {"infer", "prep"}) {
    RelayHarness harness;
    harness.settings.actor = actor;
    FakeRuntime runtime(harness.folder(), [](Call& call) {
      std::string events;
      for (int i = 0; i < 3; ++i) events += "event: downstream\ndata: " + call.Frame(std::to_string(i)) + "\n\n";
      call.Events(events + "event: done\ndata: {}\n\n");
    });
    harness.Start({actor, "post", "x-sink", "x-sump"});
    harness.Send(harness.Make("same", {"post"}));
    for (int i = 0; i < 3; ++i) {
      const auto child = harness.Take("post");
      ASSERT_TRUE(child.has_value());
      if (i > 0) ids.insert(child->id);
    }
  }
  EXPECT_EQ(ids.size(), 4U);
}

TEST(Losses, HeadersAndParentSurviveSeveralHops) {
  model::Envelope envelope;
  {
    RelayHarness harness;
    envelope = harness.Make("child", {"second", "third", "fourth"});
    envelope.parent_id = "parent";
    envelope.headers["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    envelope.headers["mine"] = "kept";
  }
  for (const char* actor : {"infer", "second", "third"}) {
    RelayHarness harness;
    harness.settings.actor = actor;
    FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
    const std::string next = envelope.route.next.front();
    harness.Start({actor, next, "x-sink", "x-sump"});
    harness.Send(envelope);
    const auto taken = harness.Take(next);
    ASSERT_TRUE(taken.has_value());
    envelope = *taken;
  }
  EXPECT_EQ(envelope.id, "child");
  EXPECT_EQ(envelope.parent_id, "parent");
  EXPECT_EQ(envelope.headers.at("mine"), json::Value("kept"));
  EXPECT_NE(envelope.headers.at("traceparent").AsString().find("0af7651916cd43dd8448eb211c80319c"), std::string::npos);
}

}  // namespace
}  // namespace asya::relay
