// The ends of routes, and what the gateway is told.
#include <gtest/gtest.h>

#include <future>

#include "core/base/base64.h"
#include "core/json/parse.h"
#include "relay/test_end.h"

namespace asya::relay {
namespace {

TEST_F(End, ARelayWithATokenOfItsPodTellsWhetherItHasWork) {
  harness_.settings.gateway->token_file = harness_.folder() + "/token";
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Return("1"); });
  harness_.Start();
  ASSERT_TRUE(WaitFor("type", "load"));
  const json::Value item = gateway_.items().front();
  EXPECT_EQ(json::Dump(item), R"({"in_flight":0,"namespace":"ns","type":"load"})");
}

TEST_F(End, ARelayThatIsNoPodTellsNothingOfItsLoad) {
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Return("1"); });
  harness_.Start();
  harness_.Send(harness_.Make("e1"));
  ASSERT_TRUE(WaitFor("task", "e1"));
  for (const json::Value& item : gateway_.items()) EXPECT_NE(item.GetString("type"), "load");
}

TEST_F(End, TheSinkReportsAResultBeforeItAcknowledges) {
  Become("x-sink");
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Return("1"); });
  gateway_.AnswerWith(503);
  harness_.Start({"x-sink", "x-sump"});
  auto child = Finished("child", "succeeded");
  child.parent_id = "task";
  child.payload = R"({"answer": 42.0})";
  harness_.Send(child);
  ASSERT_TRUE(RelayHarness::Eventually([&] { return gateway_.refused() > 0; }));
  EXPECT_EQ(harness_.Stats("x-sink").in_flight, 1);
  gateway_.AnswerWith(204);
  ASSERT_TRUE(WaitFor("task", "child"));
  const json::Value item = gateway_.items().front();
  EXPECT_EQ(item.GetString("status"), "succeeded");
  EXPECT_EQ(item.GetString("parent"), "task");
  EXPECT_EQ(item.GetString("namespace"), "ns");
  EXPECT_EQ(item.Find("result")->Find("answer")->AsDouble(), 42.0);
  EXPECT_EQ(item.GetString("actor"), "infer") << "where it ended, not who reports";
  EXPECT_EQ(item.Find("hop")->GetString("actor"), "x-sink");
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness_.Stats("x-sink").in_flight == 0; }));
  EXPECT_EQ(harness_.Stats("x-sump").arrived_total, 0);
}

TEST_F(End, AFailureIsReportedAndGoesOnToTheSump) {
  Become("x-sink");
  FakeRuntime runtime(harness_.folder(), [](Call& call) {
    call.Events("event: downstream\ndata: {\"payload\":" + call.envelope().payload +
                ",\"route\":{\"prev\":[],\"curr\":\"x-sump\",\"next\":[]}}\n\nevent: done\ndata: {}\n\n");
  });
  harness_.Start({"x-sink", "x-sump"});
  harness_.Send(Finished("e1", "failed"));
  ASSERT_TRUE(WaitFor("status", "failed"));
  EXPECT_EQ(gateway_.items().front().Find("error")->GetString("type"), "a.B");
  EXPECT_EQ(gateway_.items().front().GetString("actor"), "infer");
  const auto taken = harness_.Take("x-sump");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.phase, "failed");
  EXPECT_EQ(taken->status.error.GetString("type"), "a.B");
  EXPECT_EQ(AsItFailed(*taken).route, (model::Route{{"prep"}, "infer", {"post"}}));
}

TEST_F(End, TheSumpReportsTheWholeEnvelopeAsItFailed) {
  Become("x-sump");
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Return("1"); });
  harness_.Start({"x-sump"});
  auto failed = Finished("e1", "failed");
  failed.route = {{"prep", "infer", "x-sink"}, "x-sump", {}};
  failed.status.actor = "infer";
  failed.payload = R"({"in": 1.50})";
  harness_.Send(failed);
  ASSERT_TRUE(WaitFor("type", "dead-letter"));
  const json::Value item = gateway_.items().front();
  EXPECT_EQ(item.GetString("actor"), "infer");
  EXPECT_EQ(item.GetString("reason"), "RuntimeError");
  const auto kept = model::ParseEnvelope(json::Dump(*item.Find("envelope")));
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->route, (model::Route{{"prep"}, "infer", {"post"}}));
}

TEST_F(End, TheSumpTakesBytesThatAreNoEnvelope) {
  Become("x-sump");
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Return("1"); });
  harness_.Start({"x-sump"});
  harness_.SendBytes("nonsense");
  ASSERT_TRUE(WaitFor("raw_base64", "bm9uc2Vuc2U="));
  EXPECT_EQ(gateway_.items().front().GetString("reason"), "ParseError");
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness_.Stats("x-sump").in_flight == 0; }));
}

TEST_F(End, ALargeDeadLetterKeepsItsPayloadWhereThereIsNoClaimStore) {
  Become("x-sump");
  harness_.settings.end_rules.emplace().is_sump = true;  // so much is not sent through a runtime as well
  harness_.broker().TakeUpTo(16U << 20U);
  harness_.Start({"x-sump"});
  auto failed = Finished("e1", "failed");
  failed.route.curr = "x-sump";
  failed.payload = "\"" + std::string(11U << 20U, 'p') + "\"";
  harness_.Send(failed);
  ASSERT_TRUE(WaitFor("type", "dead-letter"));
  const json::Value item = gateway_.items().front();
  const json::Value* payload = item.Find("envelope")->Find("payload");
  ASSERT_TRUE(payload != nullptr && payload->IsString());
  EXPECT_EQ(payload->AsString().size(), failed.payload.size() - 2);
}

TEST_F(End, ADeadLetterThatTheGatewayRefusesIsToldAsBytes) {
  Become("x-sump");
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Return("1"); });
  gateway_.Refuse([](const json::Value& item) { return item.Find("envelope") != nullptr; });
  harness_.Start({"x-sump"});
  auto failed = Finished("e1", "failed");
  failed.route.curr = "x-sump";
  harness_.Send(failed);
  ASSERT_TRUE(WaitFor("type", "dead-letter"));
  const json::Value item = gateway_.items().front();
  EXPECT_EQ(item.GetString("task"), "e1");
  EXPECT_EQ(item.GetString("reason"), "RuntimeError");
  const auto kept = model::ParseEnvelope(*DecodeBase64(item.GetString("raw_base64").value_or("")));
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->payload, failed.payload);
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness_.Stats("x-sump").in_flight == 0; }));
}

TEST_F(End, AnEndThatTheGatewayRefusesIsToldWithoutItsWords) {
  Become("x-sink");
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.ReturnNone(); });
  gateway_.Refuse([](const json::Value& item) { return item.Find("result")->IsNull(); });
  harness_.Start({"x-sink", "x-sump"});
  auto done = Finished("e1", "succeeded");
  done.payload = "null";
  harness_.Send(done);
  ASSERT_TRUE(WaitFor("status", "succeeded"));
  const json::Value item = gateway_.items().front();
  EXPECT_EQ(item.GetString("task"), "e1");
  EXPECT_EQ(item.Find("result")->Find("x-asya-dropped")->GetInt("bytes"), 4);
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness_.Stats("x-sink").in_flight == 0; }));
}

TEST_F(End, HooksThatEndAtTheSinkDoNotReportAgain) {
  Become("x-sink");
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Return("1"); });
  harness_.Start({"x-sink"});
  auto hooked = Finished("hooked", "succeeded");
  hooked.route.prev = {"prep", "infer", "x-sink", "hook"};
  auto slice = Finished("slice", "succeeded");
  slice.headers["x-asya-fan-in"] = json::Object{{"slice_index", 0}};
  harness_.Send(hooked);
  harness_.Send(slice);
  harness_.Send(Finished("last", "succeeded"));
  ASSERT_TRUE(WaitFor("task", "last"));
  EXPECT_EQ(gateway_.items().size(), 1U);
}

TEST_F(End, OtherRelaysReportProgressInTheBackgroundWithTheHop) {
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Return("1"); });
  harness_.Start();
  auto envelope = harness_.Make("e1", {"post"});
  auto silent = harness_.Make("silent", {"post"});
  silent.headers["x-asya-mesh-status"] = "off";
  harness_.Send(silent);
  harness_.Send(envelope);
  ASSERT_TRUE(WaitFor("status", "completed"));
  const auto items = gateway_.items();
  EXPECT_EQ(items.back().GetString("task"), "e1");
  EXPECT_NEAR(items.back().Find("progress")->AsDouble(), 2.0 / 3.0, 0.001);
  EXPECT_EQ(items.back().Find("hop")->GetInt("attempt"), 1);
  for (const auto& item : items) EXPECT_NE(item.GetString("task"), "silent");
}

TEST_F(End, ADeadGatewayHoldsNothingUp) {
  gateway_.AnswerWith(500);
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Return("1"); });
  harness_.Start();
  for (int i = 0; i < 50; ++i) harness_.Send(harness_.Make("e" + std::to_string(i), {"post"}));
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness_.Stats("post").arrived_total == 50; }));
}

TEST_F(End, FlyEventsAreForwardedInOrderWhileTheHandlerRuns) {
  std::promise<void> go;
  const auto gone = go.get_future().share();
  FakeRuntime runtime(harness_.folder(), [gone](Call& call) {
    call.Events("event: upstream\ndata: {\"payload\":{\"n\":0}}\n\nevent: upstream\ndata: {\"payload\":{\"n\":1}}\n\n");
    gone.wait();
    call.Send("event: upstream\ndata: {\"payload\":{\"n\":2}}\n\nevent: done\ndata: {}\n\n");
  });
  harness_.Start();
  harness_.Send(harness_.Make("e1"));
  const auto numbers = [](const std::vector<json::Value>& items) {
    std::vector<std::int64_t> found;
    for (const json::Value& item : items) {
      if (item.GetString("type") == "fly") found.push_back(*item.FindPath({"data", "payload"})->GetInt("n"));
    }
    return found;
  };
  EXPECT_TRUE(gateway_.Wait([&](const auto& items) { return numbers(items) == std::vector<std::int64_t>{0, 1}; }));
  go.set_value();
  EXPECT_TRUE(gateway_.Wait([&](const auto& items) { return numbers(items) == std::vector<std::int64_t>{0, 1, 2}; }));
}

// Else the end of the task, which another relay tells, would overtake it.
TEST_F(End, AFlyEventWaitsForNoReportThatIsBeingStored) {
  const auto is = [](const char* type) {
    return [type](const json::Value& item) { return item.GetString("type") == type; };
  };
  gateway_.Hold(is("status"));
  std::promise<void> go;
  FakeRuntime runtime(harness_.folder(), [gone = go.get_future().share()](Call& call) {
    gone.wait();
    call.Events("event: upstream\ndata: {\"payload\":1}\n\nevent: done\ndata: {}\n\n");
  });
  harness_.Start();
  harness_.Send(harness_.Make("e1"));
  EXPECT_TRUE(WaitFor("type", "status"));
  go.set_value();
  EXPECT_TRUE(WaitFor("type", "fly"));
  const auto items = gateway_.items();
  EXPECT_EQ(std::count_if(items.begin(), items.end(), is("status")), 1) << "given up and sent anew before";
  gateway_.Hold(nullptr);
}

// A hook is an ordinary actor that is called after x-sink.
TEST_F(End, HooksRunForATaskThatIsOverOrCanceled) {
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Return("1"); });
  gateway_.Cancel("canceled");
  harness_.Start({"infer", "x-sink", "x-sump"});
  for (const char* phase : {"failed", "succeeded", "canceled"}) {
    auto envelope = Finished(phase, phase);
    envelope.route = {{"prep", "x-sink"}, "infer", {"x-sump"}};
    envelope.status.deadline_at = "2020-01-01T00:00:00Z";
    harness_.Send(envelope);
    const auto taken = harness_.Take("x-sump");
    ASSERT_TRUE(taken.has_value()) << phase;
    EXPECT_EQ(runtime.CallsOf(phase), 1) << phase;
    EXPECT_EQ(taken->status.phase, phase);
  }
}

TEST_F(End, NoneOfAllThatCameOfACanceledTaskIsCalled) {
  FakeRuntime runtime(harness_.folder(), [](Call& call) { call.Return("1"); });
  gateway_.Cancel("root");
  harness_.Start({"infer", "post", "x-sink", "x-sump"});
  // What the feed has sent is read before a message that comes later is called and reported.
  ASSERT_TRUE(gateway_.WaitFed(1));
  auto first = harness_.Make("first", {"post"});
  harness_.Send(first);
  ASSERT_TRUE(harness_.Take("post").has_value());
  ASSERT_TRUE(WaitFor("task", "first"));
  auto grandchild = harness_.Make("grandchild", {"post"});
  grandchild.parent_id = "child";
  grandchild.headers["x-asya-root"] = "root";
  harness_.Send(grandchild);
  const auto taken = harness_.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.phase, "canceled");
  EXPECT_EQ(runtime.CallsOf("grandchild"), 0);
}

TEST_F(End, ACanceledTaskIsNotCalled) {
  std::promise<void> go;
  const auto gone = go.get_future().share();
  FakeRuntime runtime(harness_.folder(), [gone](Call& call) {
    gone.wait();
    call.Return("1");
  });
  gateway_.Cancel("doomed");
  harness_.Start();
  // What the feed has sent is read before a message that comes later is called and reported.
  ASSERT_TRUE(gateway_.WaitFed(1));
  harness_.Send(harness_.Make("first", {"post"}));
  ASSERT_TRUE(RelayHarness::Eventually([&] { return runtime.CallsOf("first") == 1; }));
  ASSERT_TRUE(WaitFor("status", "processing"));
  harness_.Send(harness_.Make("doomed", {"post"}));
  go.set_value();
  const auto taken = harness_.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.phase, "canceled");
  EXPECT_EQ(taken->status.reason, "PreFlightCanceled");
  EXPECT_EQ(runtime.CallsOf("doomed"), 0);
}

}  // namespace
}  // namespace asya::relay
