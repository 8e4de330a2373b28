#include "gateway/gateway.h"

#include <future>
#include <sstream>

#include "gateway/test_gateway.h"

namespace asya::gateway {
namespace {

TEST_F(Gateway, StoresTheTaskAndSendsItsEnvelope) {
  const std::string id = CreateTask("actor=first", R"({"payload": {"big": 1.50}, "next": ["second"], "timeout": 60})");
  const model::Envelope envelope = LastSent();
  EXPECT_EQ(envelope.id, id);
  EXPECT_EQ(envelope.payload, R"({"big": 1.50})") << "the payload's bytes are kept";
  EXPECT_EQ(envelope.route, (model::Route{{}, "first", {"second"}}));
  EXPECT_FALSE(envelope.status.deadline_at.empty());
  EXPECT_TRUE(envelope.headers.contains("traceparent"));
  const auto task = json::Parse(Call("GET", "/api/v1/tasks/" + id).body).value();
  EXPECT_EQ(task.GetString("status"), "pending");
}

TEST_F(Gateway, NamesEveryWrongFieldAtOnce) {
  const auto refused =
      Call("POST", "/api/v1/tasks?actor=a", R"({"payload":1,"timeout":-1,"headers":[],"next":["x-sink"],"colour":1})");
  EXPECT_EQ(refused.status, 400);
  for (const char* field : {"timeout", "headers", "next[0]", "colour"}) {
    EXPECT_NE(refused.body.find(std::string("\"field\":\"") + field), std::string::npos) << refused.body;
  }
  EXPECT_EQ(Call("POST", "/api/v1/tasks?actor=a", "{\"payload\":").status, 400);
  EXPECT_EQ(Call("POST", "/api/v1/tasks", "{}").status, 400) << "neither actor nor flow";
  EXPECT_EQ(Call("POST", "/api/v1/tasks?actor=x-sump", "{}").status, 400);
  EXPECT_EQ(Call("GET", "/api/v1/tasks?status=odd").status, 400);
  EXPECT_EQ(Call("GET", "/api/v1/tasks/none").status, 404);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(Gateway, UnknownActorIsNotFoundAndNothingIsStored) {
  const auto refused = Call("POST", "/api/v1/tasks?actor=nobody", "{}");
  EXPECT_EQ(refused.status, 404);
  EXPECT_NE(refused.body.find("no actor \\\"nobody\\\""), std::string::npos) << refused.body;
  EXPECT_EQ(json::Parse(Call("GET", "/api/v1/tasks").body).value().Find("items")->AsArray().size(), 0U);
}

TEST_F(Gateway, ARouteThatNamesAnUnknownActorIsRefusedWhole) {
  Store("alpha");
  Store("beta", "", R"({"actor":"second"})");
  const auto refused = Call("POST", "/api/v1/tasks?actor=first", R"({"next":["nobody","second","unborn"]})");
  EXPECT_EQ(refused.status, 404);
  const auto problem = json::Parse(refused.body).value();
  ASSERT_EQ(problem.Find("errors")->AsArray().size(), 2U) << refused.body;
  EXPECT_EQ(problem.Find("errors")->AsArray()[0].GetString("field"), "next[0]");
  EXPECT_EQ(problem.Find("errors")->AsArray()[0].GetString("message"),
            "got \"nobody\"; no actor of that name in namespace \"default\"; known there: alpha, second");
  EXPECT_EQ(problem.Find("errors")->AsArray()[1].GetString("field"), "next[2]");
  EXPECT_TRUE(sent_.empty());
  Store("unborn");
  CreateTask("actor=first", R"({"next":["unborn"]})");  // it is stored already, only the index does not know
  CreateTask("actor=first", R"({"next":["nobody"],"headers":{"x-asya-route-override":{"nobody":"second"}}})");
  lookups_ = 0;
  CreateTask("actor=first", R"({"next":["second","third"]})");
  EXPECT_EQ(lookups_, 3);
}

TEST_F(Gateway, AnActorThatIsBeingDeletedTakesNothingNew) {
  for (const char* path : {"/api/v1/tasks?actor=leaving", "/api/v1/tasks?actor=first"}) {
    const bool first = std::string(path).find("first") != std::string::npos;
    const auto refused = Call("POST", path, first ? R"({"next":["leaving"]})" : "{}");
    EXPECT_EQ(refused.status, 409) << refused.body;
    EXPECT_NE(refused.body.find("actor \\\"leaving\\\" is being deleted"), std::string::npos) << refused.body;
    EXPECT_NE(refused.body.find(first ? "\"next[0]\"" : "\"actor\""), std::string::npos) << refused.body;
  }
  EXPECT_TRUE(sent_.empty());
  Store("leaving");
  CreateTask("actor=leaving", "{}");  // made again; only the index does not know yet
  Store("unborn", R"(,"deletionTimestamp":"2026-01-01T00:00:00Z")");
  EXPECT_EQ(Call("POST", "/api/v1/tasks?actor=unborn", "{}").status, 409);
}

TEST_F(Gateway, AFlowGivesItsOwnRoute) {
  ports::Record flow;
  flow.key = {"flows", "default", "greet"};
  flow.uid = "u1";
  flow.json = std::make_shared<const std::string>(
      R"({"apiVersion":"asya.sh/v1alpha1","kind":"Flow","metadata":{"name":"greet","namespace":"default"},)"
      R"("spec":{"entrypoint":"one","routeNext":["two"],"timeout":"30s"}})");
  ASSERT_TRUE(objects_->Create(flow, {}).ok());
  CreateTask("flow=greet", R"({"payload": 1})");
  EXPECT_EQ(LastSent().route, (model::Route{{}, "one", {"two"}}));
  EXPECT_EQ(LastSent().headers.at("x-asya-flow").AsString(), "greet");
  EXPECT_EQ(Call("POST", "/api/v1/tasks?flow=greet", R"({"next":["x"]})").status, 400);
  flow.key.name = "broken";
  flow.uid = "u2";
  flow.json = std::make_shared<const std::string>(
      R"({"apiVersion":"asya.sh/v1alpha1","kind":"Flow","metadata":{"name":"broken","namespace":"default"},)"
      R"("spec":{"entrypoint":"one","routeNext":["nobody"]}})");
  ASSERT_TRUE(objects_->Create(flow, {}).ok());
  const auto broken = Call("POST", "/api/v1/tasks?flow=broken", "{}");
  EXPECT_EQ(broken.status, 404);
  EXPECT_NE(broken.body.find("flow \\\"broken\\\" goes on to \\\"nobody\\\""), std::string::npos) << broken.body;
  EXPECT_EQ(Call("POST", "/api/v1/tasks?flow=none", "{}").status, 404);
}

TEST_F(Gateway, IdempotencyKeyGivesTheEarlierTask) {
  const std::string body = R"({"payload": 1, "idempotencyKey": "k"})";
  const std::string id = CreateTask("actor=a", body);
  EXPECT_EQ(Call("POST", "/api/v1/tasks?actor=a", body).status, 409) << "in flight";
  EXPECT_EQ(Call("POST", "/api/v1/tasks?actor=a", R"({"payload": 2})", "Idempotency-Key", "k").status, 422);
  Call("POST", "/api/v1/events", R"([{"task":")" + id + R"(","type":"status","status":"succeeded","result":7}])");
  const auto again = Call("POST", "/api/v1/tasks?actor=a", body);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(json::Parse(again.body).value().GetString("id"), id);
  EXPECT_EQ(sent_.size(), 1U);
}

TEST_F(Gateway, AnIdempotencyKeyIsOfOnePlaceToGo) {
  const std::string body = R"({"payload": 1, "next": ["b"], "idempotencyKey": "k"})";
  const std::string id = CreateTask("actor=a", body);
  Call("POST", "/api/v1/events", R"([{"task":")" + id + R"(","type":"status","status":"succeeded","result":7}])");
  const auto other = Call("POST", "/api/v1/tasks?actor=c", body);
  EXPECT_EQ(other.status, 422) << "the result of another actor's work is no answer: " << other.body;
  EXPECT_NE(other.body.find("another payload, actor or flow"), std::string::npos) << other.body;
  EXPECT_EQ(json::Parse(other.body)->GetInt("status"), 422);
  EXPECT_EQ(Call("POST", "/api/v1/tasks?actor=a", R"({"payload": 1, "idempotencyKey": "k"})").status, 422) << "no next";
  EXPECT_EQ(Call("POST", "/api/v1/tasks?actor=a&namespace=other", body).status, 201) << "a key of somebody else";
  const std::string with_headers = R"({"payload": 1, "next": ["b"], "idempotencyKey": "k", "headers": {"try": 2}})";
  EXPECT_EQ(Call("POST", "/api/v1/tasks?actor=a", with_headers).status, 200);
}

TEST_F(Gateway, TasksAreFoundByTheirLabels) {
  const std::string id = CreateTask("actor=a", R"({"labels": {"team": "x", "order": "17"}})");
  CreateTask("actor=a", R"({"labels": {"team": "y"}})");
  CreateTask("actor=a", "{}");
  const auto found = [&](const std::string& label) {
    const json::Value page = *json::Parse(Call("GET", "/api/v1/tasks?label=" + label).body);
    std::vector<std::string> ids;
    for (const json::Value& task : page.Find("items")->AsArray()) ids.push_back(task.GetString("id").value_or(""));
    return ids;
  };
  EXPECT_EQ(found("team%3Dx"), std::vector<std::string>{id});
  EXPECT_EQ(found("order%3D17,team%3Dx"), std::vector<std::string>{id});
  EXPECT_TRUE(found("order%3D17,team%3Dy").empty());
  EXPECT_NE(Call("GET", "/api/v1/tasks/" + id).body.find(R"("labels":{"order":"17","team":"x"})"), std::string::npos);
  EXPECT_EQ(Call("GET", "/api/v1/tasks?label=team").status, 400);
  EXPECT_EQ(Call("GET", "/api/v1/tasks?label=team%3Dx,team%3Dy").status, 400);
  EXPECT_EQ(Call("POST", "/api/v1/tasks?actor=a", R"({"labels": {"team": 1}})").status, 400);
  EXPECT_EQ(Call("POST", "/api/v1/tasks?actor=a", R"({"labels": {"a b": "1"}})").status, 400);
}

TEST_F(Gateway, ATaskThatIsKnownIsNotSentAgain) {
  const std::string path = "/api/v1/tasks/" + CreateTask("actor=a", "{}");
  const auto shown = Call("GET", path);
  const std::string etag{shown.headers.Get("ETag").value_or("")};
  const auto known = Call("GET", path, "", "If-None-Match", etag);
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(known.body, "");
  EXPECT_EQ(known.headers.Get("ETag").value_or(""), etag);
  EXPECT_EQ(Call("GET", path, "", "If-None-Match", "\"0\"").status, 200);
}

TEST_F(Gateway, LongPollEndsWithTheTask) {
  const std::string id = CreateTask("actor=a", "{}");
  EXPECT_EQ(json::Parse(Call("GET", "/api/v1/tasks/" + id + "?wait=10ms").body).value().GetString("status"), "pending");
  auto waiting = std::async(std::launch::async, [&] { return Call("GET", "/api/v1/tasks/" + id + "?wait=60s"); });
  while (hub_.Listeners() == 0) std::this_thread::yield();
  const auto reported = Call(
      "POST", "/api/v1/events",
      R"([{"task":")" + id + R"(","type":"status","status":"processing","actor":"a","progress":0.5},)" +
          R"({"task":")" + id + R"(","type":"status","status":"succeeded","actor":"x-sink","result":{"n": 1.0}}])");
  EXPECT_EQ(reported.status, 204) << reported.body;
  const std::string text = waiting.get().body;
  EXPECT_NE(text.find("\"result\":{\"n\": 1.0}"), std::string::npos) << text;
  EXPECT_NE(text.find("\"currentActor\":\"a\""), std::string::npos)
      << "the sink that reports is not where it was: " << text;
  EXPECT_EQ(Call("GET", "/api/v1/tasks/" + id + "?wait=2h").status, 400);
}

TEST_F(Gateway, EventsCatchUpThenFollowToTheEnd) {
  const std::string id = CreateTask("actor=a", "{}");
  auto following = std::async(std::launch::async, [&] { return Call("GET", "/api/v1/tasks/" + id + "/events"); });
  while (hub_.Listeners() == 0) std::this_thread::yield();
  Call("POST", "/api/v1/events", R"([{"task":")" + id + R"(","type":"fly","data":{"word":"hi"}}])");
  Call("POST", "/api/v1/tasks/" + id + "/events", R"({"type":"status","status":"succeeded","result":1})");
  const std::string text = following.get().body;
  EXPECT_NE(text.find("event: fly\ndata: {\"word\":\"hi\"}"), std::string::npos) << text;
  EXPECT_NE(text.find("\"succeeded\""), std::string::npos) << text;
  EXPECT_NE(text.find("id: "), std::string::npos) << text;
  const auto replayed = Call("GET", "/api/v1/tasks/" + id + "/events");
  EXPECT_NE(replayed.body.find("\"succeeded\""), std::string::npos) << "a task that has ended is told and closed";
}

// "ID NAME" of each event of a stream.
std::vector<std::string> EventsIn(const std::string& text) {
  std::vector<std::string> events;
  std::istringstream lines(text);
  std::string id = "none";
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) id = "none";
    if (line.rfind("id: ", 0) == 0) id = line.substr(4);
    if (line.rfind("event: ", 0) == 0) events.push_back(id + " " + line.substr(7));
  }
  return events;
}

TEST_F(Gateway, EveryEventHasAnIdToGoOnAfter) {
  const std::string id = CreateTask("actor=a", "{}");
  const std::string path = "/api/v1/tasks/" + id + "/events";
  std::string seen;
  std::promise<void> caught_up;
  http::ClientRequest request;
  request.url = "http://" + server_->address() + path;
  request.on_body = [&](std::string_view piece) {
    const bool before = seen.find("event: status") != std::string::npos;
    seen += piece;
    if (!before && seen.find("event: status") != std::string::npos) caught_up.set_value();
    return true;
  };
  auto following = std::async(std::launch::async, [&] { return client_.Call(request).ok(); });
  caught_up.get_future().wait();
  Call("POST", "/api/v1/events", R"([{"task":")" + id + R"(","type":"fly","data":1}])");
  Call("POST", "/api/v1/events", R"([{"task":")" + id + R"(","type":"status","status":"succeeded"}])");
  ASSERT_TRUE(following.get());
  const auto kept = tasks_->Events(id, 0).value();
  ASSERT_EQ(kept.size(), 2U);
  const std::string first = std::to_string(kept[0].sequence);
  const std::string last = std::to_string(kept[1].sequence);
  const std::vector<std::string> end = {last + " status", last + " task"};
  EXPECT_EQ(EventsIn(seen), (std::vector<std::string>{first + " status", first + " fly", end[0], end[1]})) << seen;
  const auto after = [&](const std::string& event) {
    return EventsIn(Call("GET", path, "", "Last-Event-ID", event).body);
  };
  EXPECT_EQ(after(first), end) << "what is kept comes once, and all of it";
  EXPECT_EQ(after(last), std::vector<std::string>{end[1]});
}

TEST_F(Gateway, CancelIsIdempotentAndToldToRelays) {
  const std::string id = CreateTask("actor=a", "{}");
  EXPECT_EQ(Call("DELETE", "/api/v1/tasks/" + id).status, 204);
  EXPECT_EQ(Call("DELETE", "/api/v1/tasks/" + id).status, 204);
  EXPECT_EQ(Call("DELETE", "/api/v1/tasks/none").status, 404);
  http::ClientRequest request;
  request.url = "http://" + server_->address() + "/api/v1/cancellations";
  std::string seen;
  request.on_body = [&](std::string_view piece) {
    seen += piece;
    return seen.find(id) == std::string::npos;  // ends the call once the cancelled task was told
  };
  EXPECT_FALSE(client_.Call(request).ok());
  EXPECT_NE(seen.find(id), std::string::npos) << seen;
}

TEST_F(Gateway, ARelayTellsOfItsOwnNamespaceAlone) {
  deps_->speaks_for = [](const http::Request& request) { return request.headers.Get("X-Of").value_or(""); };
  const std::string report = R"([{"type":"fly","task":"t","namespace":"vision","data":1},)"
                             R"({"type":"status","task":"t","namespace":"vision","status":"processing"}])";
  EXPECT_EQ(Call("POST", "/api/v1/events", report, "X-Of", "vision").status, 204);
  const auto other = Call("POST", "/api/v1/events", report, "X-Of", "other");
  EXPECT_EQ(other.status, 403);
  EXPECT_NE(other.body.find(R"([0].namespace)"), std::string::npos) << other.body;
  EXPECT_EQ(Call("POST", "/api/v1/events", R"({"type":"fly","task":"t","data":1})", "X-Of", "vision").status, 403);
}

TEST_F(Gateway, HandsOnWhatARelayHasInWork) {
  std::vector<std::int64_t> told;
  deps_->on_load = [&told](const http::Request&, std::int64_t in_flight) { told.push_back(in_flight); };
  const auto send = [this](const std::string& items) { return Call("POST", "/api/v1/events", items).status; };
  EXPECT_EQ(send(R"([{"type":"load","namespace":"vision","in_flight":3},{"type":"fly","task":"t","data":1},)"
                 R"({"type":"load","namespace":"vision","in_flight":0}])"),
            204);
  EXPECT_EQ(told, std::vector<std::int64_t>{0}) << "the last word counts";
  EXPECT_EQ(send(R"([{"type":"load","namespace":"vision","in_flight":-1}])"), 400);
  EXPECT_EQ(send(R"([{"type":"load","namespace":"vision"}])"), 400) << "nothing said is not nothing in work";
  EXPECT_EQ(send(R"([{"type":"fly","task":"t","data":1}])"), 204);
  deps_->on_load = nullptr;
  EXPECT_EQ(send(R"([{"type":"load","namespace":"vision","in_flight":5}])"), 204) << "nobody wants to know";
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(Gateway, AnOutboxTakesNothingForAnActorThatIsNotThere) {
  deps_->entry_has_to_be_stored = true;
  deps_->intake = nullptr;
  Store("echo");
  EXPECT_EQ(Call("POST", "/api/v1/tasks?actor=echo", "{}").status, 201);
  const auto missing = Call("POST", "/api/v1/tasks?actor=ghost", "{}");
  EXPECT_EQ(missing.status, 404);
  EXPECT_NE(missing.body.find(R"(no actor \"ghost\" in namespace \"default\"; known there: echo)"), std::string::npos)
      << missing.body;
}

TEST_F(Gateway, TextsOfReportsAreKeptWithoutNul) {
  const auto taken = Call(
      "POST", "/api/v1/events",
      R"([{"task":"t","type":"dead-letter","envelope":{"id":"z\u0000","route":{"curr":"b"},"status":{"phase":"failed",)"
      R"("error":{"type":"m.Bad","message":"a\u0000b"}},"payload":1}}])");
  EXPECT_EQ(taken.status, 204) << taken.body;
  const auto list = json::Parse(Call("GET", "/api/v1/dead-letters").body).value();
  ASSERT_EQ(list.Find("items")->AsArray().size(), 1U);
  EXPECT_EQ(list.Find("groups")->AsArray()[0].GetString("latestMessage"),
            "a\xEF\xBF\xBD"
            "b");
}

TEST_F(Gateway, ABatchThatCannotBeReadIsRefusedWhole) {
  const std::string id = CreateTask("actor=a", "{}");
  const auto refused =
      Call("POST", "/api/v1/events",
           R"([{"task":")" + id + R"(","type":"status","status":"succeeded"},{"task":"t","type":"odd"}])");
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("[1].type"), std::string::npos) << refused.body;
  EXPECT_EQ(json::Parse(Call("GET", "/api/v1/tasks/" + id).body).value().GetString("status"), "pending");
}

}  // namespace
}  // namespace asya::gateway
