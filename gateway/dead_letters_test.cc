#include "gateway/test_gateway.h"

namespace asya::gateway {
namespace {

TEST_F(Gateway, DeadLettersAreKeptShownEditedAndReplayed) {
  const std::string envelope =
      R"({"id":"e1","route":{"prev":["a"],"curr":"b","next":["c"]},"headers":{"x-asya-first-attempt":"t",)"
      R"("x-asya-end-attempt":2,"k":"v"},)"
      R"("status":{"phase":"failed","reason":"PolicyExhausted","actor":"b",)"
      R"("error":{"type":"m.Bad","message":"no","mro":[],"traceback":""}},"payload":{"x":1}})";
  const std::string report =
      R"([{"task":"e1","type":"dead-letter","namespace":"default","actor":"x-sump","envelope":)" + envelope + "}]";
  EXPECT_EQ(Call("POST", "/api/v1/events", report).status, 204);
  EXPECT_EQ(Call("POST", "/api/v1/events", report).status, 204) << "idempotent";
  const auto list = json::Parse(Call("GET", "/api/v1/dead-letters").body).value();
  ASSERT_EQ(list.Find("items")->AsArray().size(), 1U);
  EXPECT_EQ(list.Find("items")->AsArray()[0].GetString("actor"), "b") << "where it failed, not who reports";
  EXPECT_EQ(list.Find("groups")->AsArray()[0].GetInt("count"), 1);
  EXPECT_NE(Call("GET", "/api/v1/dead-letters/e1").body.find("\"m.Bad\""), std::string::npos);
  const auto replayed = Call("POST", "/api/v1/dead-letters/e1/replay", R"({"payload":{"x":2}})");
  ASSERT_EQ(replayed.status, 201) << replayed.body;
  const model::Envelope sent = LastSent();
  EXPECT_EQ(sent.payload, R"({"x":2})");
  EXPECT_EQ(sent.route, (model::Route{{"a"}, "b", {"c"}})) << "it goes on where it failed";
  EXPECT_FALSE(sent.headers.contains("x-asya-first-attempt"));
  EXPECT_FALSE(sent.headers.contains("x-asya-end-attempt"));
  EXPECT_EQ(json::Parse(Call("GET", "/api/v1/dead-letters/e1").body).value().GetString("replayedAs"), sent.id);
  EXPECT_EQ(json::Parse(replayed.body)->GetString("replay_of"), "e1");
  EXPECT_EQ(json::Parse(Call("GET", "/api/v1/tasks/" + sent.id).body)->GetString("replay_of"), "e1");
  const auto tasks = json::Parse(Call("GET", "/api/v1/tasks").body).value();
  EXPECT_EQ(tasks.Find("items")->AsArray()[0].GetString("replay_of"), "e1");
}

TEST_F(Gateway, ALetterIsReplayedOnceByAllWhoWantNoMore) {
  const std::string envelope = R"({"id":"e1","route":{"curr":"b"},"status":{"phase":"failed"},"payload":1})";
  ASSERT_EQ(Call("POST", "/api/v1/events",
                 R"([{"task":"e1","type":"dead-letter","namespace":"default","envelope":)" + envelope + "}]")
                .status,
            204);
  const std::string path = "/api/v1/dead-letters/e1/replay?unlessReplayed=";
  EXPECT_EQ(Call("POST", path + "perhaps", "").status, 400);
  const auto first = Call("POST", path + "true", "");
  ASSERT_EQ(first.status, 201) << first.body;
  const std::string task = *json::Parse(first.body)->GetString("id");
  // As if the second had read the letter before the first was written down.
  ASSERT_TRUE(tasks_->MarkReplayed("e1", "").ok());
  EXPECT_EQ(json::Parse(Call("POST", path + "true", "").body)->GetString("id"), task);
  const auto later = Call("POST", path + "true", "");
  EXPECT_EQ(later.status, 200);
  EXPECT_EQ(json::Parse(later.body)->GetString("id"), task);
  EXPECT_EQ(json::Parse(later.body)->Find("replayedBefore"), json::Value(true));
  EXPECT_NE(json::Parse(Call("POST", path + "false", "").body)->GetString("id"), task) << "as often as it is asked for";
}

TEST_F(Gateway, TakesADeadLetterAsDeepAsARelayTakesAnEnvelope) {
  constexpr std::size_t kDepth = 511;  // with the envelope around it 512, the most that is accepted
  const std::string payload = std::string(kDepth, '[') + std::string(kDepth, ']');
  const std::string envelope =
      R"({"id":"deep","route":{"curr":"b"},"status":{"phase":"failed"},"payload":)" + payload + "}";
  ASSERT_TRUE(model::ParseEnvelope(envelope).ok());
  const auto taken =
      Call("POST", "/api/v1/events", R"([{"task":"deep","type":"dead-letter","envelope":)" + envelope + "}]");
  EXPECT_EQ(taken.status, 204) << taken.body;
  const auto result =
      Call("POST", "/api/v1/events", R"([{"task":"t","type":"status","status":"succeeded","result":)" + payload + "}]");
  EXPECT_EQ(result.status, 204) << result.body;
  EXPECT_EQ(Call("POST", "/api/v1/dead-letters/deep/replay", "").status, 201);
}

TEST_F(Gateway, DeadLettersComeInPages) {
  for (int i = 0; i < 5; ++i) {
    const std::string id = "e" + std::to_string(i);
    const std::string envelope =
        R"({"id":")" + id + R"(","route":{"curr":"b"},"status":{"phase":"failed"},"payload":1})";
    ASSERT_EQ(
        Call("POST", "/api/v1/events",
             R"([{"task":")" + id + R"(","type":"dead-letter","namespace":"default","envelope":)" + envelope + "}]")
            .status,
        204);
  }
  std::vector<std::string> ids;
  std::string cursor;
  do {
    const auto page = Call("GET", "/api/v1/dead-letters?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
    ASSERT_EQ(page.status, 200) << page.body;
    const json::Value list = json::Parse(page.body).value();
    for (const json::Value& letter : list.Find("items")->AsArray()) ids.push_back(*letter.GetString("id"));
    cursor = *list.GetString("nextCursor");
  } while (!cursor.empty() && ids.size() < 9);
  EXPECT_EQ(ids, (std::vector<std::string>{"e4", "e3", "e2", "e1", "e0"}));
  EXPECT_EQ(Call("GET", "/api/v1/dead-letters?limit=501").status, 400);
  EXPECT_EQ(Call("GET", "/api/v1/dead-letters?limit=x").status, 400);
  EXPECT_EQ(Call("GET", "/api/v1/dead-letters?cursor=x").status, 400);
}

TEST_F(Gateway, AReplayIsFoundByTheLabelsOfWhatFailed) {
  const std::string id = CreateTask("actor=a", R"({"labels": {"team": "x"}})");
  const std::string envelope = R"({"id":")" + id + R"(","route":{"curr":"a"},"status":{"phase":"failed"},"payload":1})";
  ASSERT_EQ(Call("POST", "/api/v1/events",
                 R"([{"task":")" + id + R"(","type":"dead-letter","namespace":"default","envelope":)" + envelope + "}]")
                .status,
            204);
  const auto replayed = Call("POST", "/api/v1/dead-letters/" + id + "/replay", "");
  ASSERT_EQ(replayed.status, 201) << replayed.body;
  const std::string again = *json::Parse(replayed.body)->GetString("id");
  EXPECT_NE(Call("GET", "/api/v1/tasks?label=team%3Dx").body.find(again), std::string::npos);
}

}  // namespace
}  // namespace asya::gateway
