#include "model/envelope.h"

#include <gtest/gtest.h>

namespace asya::model {
namespace {

constexpr const char* kFull =
    R"({"id":"a1","parent_id":"p","route":{"prev":["x"],"curr":"infer","next":["post"]},)"
    R"("headers":{"traceparent":"00-1","n":[1,2.5]},)"
    R"("status":{"phase":"pending","actor":"infer","attempt":2,"max_attempts":3,"created_at":"2026-11-18T12:00:00Z",)"
    R"("deadline_at":"2026-11-18T12:05:00Z","mine":{"kept":true}},"payload":{ "b":1,  "a":"\u00e9\/" , "n":1.10}})";

TEST(Envelope, PayloadBytesAndUnknownStatusSurvive) {
  const auto envelope = ParseEnvelope(kFull);
  ASSERT_TRUE(envelope.ok()) << envelope.error().message;
  EXPECT_EQ(envelope->payload, R"({ "b":1,  "a":"\u00e9\/" , "n":1.10})");
  EXPECT_EQ(envelope->route.curr, "infer");
  EXPECT_EQ(envelope->status.attempt, 2);
  EXPECT_EQ(envelope->status.extra.at("mine"), json::Value(json::Object{{"kept", true}}));
  const std::string text = SerializeEnvelope(*envelope);
  const auto again = ParseEnvelope(text);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->payload, envelope->payload);
  EXPECT_EQ(again->headers, envelope->headers);
  EXPECT_EQ(again->parent_id, "p");
  EXPECT_EQ(again->status.deadline_at, "2026-11-18T12:05:00Z");
  EXPECT_EQ(SerializeEnvelope(*again), text);
}

TEST(Envelope, WhatWeWriteIsTakenAsItIsWritten) {
  Envelope envelope;
  envelope.id = "a1";
  envelope.parent_id = "p";
  envelope.route = {{"x"}, "infer", {"post"}};
  envelope.headers = {{"traceparent", "00-1"}, {"n", json::Array{1, 2.5}}};
  const std::string time = "2026-11-18T12:00:00Z";
  envelope.status = {"failed", "RuntimeError", "infer", 2, 3, time, time, time, {}, {}};
  const std::string written = SerializeEnvelope(envelope);
  const auto again = ParseEnvelope(written);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE(again->as_written);
  EXPECT_EQ(SerializeEnvelope(*again), written);
}

TEST(Envelope, TheOrderOfMembersAndWhiteSpaceDoNotMatter) {
  const auto spaced = ParseEnvelope(R"({ "payload": 1, "status": {"attempt": 2, "phase": "pending"},
      "route": {"next": [], "prev": ["x"], "curr": "a"}, "id": "a1" })");
  ASSERT_TRUE(spaced.ok()) << spaced.error().message;
  EXPECT_TRUE(spaced->as_written);
  EXPECT_EQ(spaced->status.attempt, 2);
  EXPECT_EQ(spaced->route, (Route{{"x"}, "a", {}}));
  const auto before_colon = ParseEnvelope(R"({"id" :"a1","route":{"prev":[],"curr":"a","next" : ["b"]},"payload":1})");
  ASSERT_TRUE(before_colon.ok()) << before_colon.error().message;
  EXPECT_EQ(before_colon->id, "a1");
  EXPECT_EQ(before_colon->route.next, std::vector<std::string>{"b"});
}

TEST(Envelope, SmallestForm) {
  const auto envelope = ParseEnvelope(R"({"id":"a","route":{"curr":"prep"},"payload":null})");
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->payload, "null");
  EXPECT_TRUE(envelope->headers.empty());
  EXPECT_EQ(envelope->status.attempt, 1);
}

TEST(Envelope, EachWrongFieldIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"route":{"curr":"a"},"payload":1})", "id"},
      {R"({"id":"","route":{"curr":"a"},"payload":1})", "id"},
      {R"({"id":7,"route":{"curr":"a"},"payload":1})", "id"},
      {R"({"id":"a","payload":1})", "route"},
      {R"({"id":"a","route":[],"payload":1})", "route"},
      {R"({"id":"a","route":{"curr":1},"payload":1})", "route.curr"},
      {R"({"id":"a","route":{"curr":"a","next":"b"},"payload":1})", "route.next"},
      {R"({"id":"a","route":{"curr":"a","prev":[1]},"payload":1})", "route.prev"},
      {R"({"id":"a","route":{"curr":"a"},"headers":[],"payload":1})", "headers"},
      {R"({"id":"a","route":{"curr":"a"},"status":{"attempt":"1"},"payload":1})", "status.attempt"},
      {R"({"id":"a","route":{"curr":"a"},"status":{"phase":1},"payload":1})", "status.phase"},
      {R"({"id":"a","route":{"curr":"a"},"status":{"deadline_at":"soon"},"payload":1})", "status.deadline_at"},
      {R"({"id":"a","route":{"curr":"a"}})", "payload"},
  };
  for (const auto& [text, field] : cases) {
    const auto envelope = ParseEnvelope(text);
    ASSERT_FALSE(envelope.ok()) << text;
    EXPECT_EQ(envelope.error().field, field) << text;
  }
  for (const char* text :
       {"", "[]", "{", "null", "{\"id\":\"a\"", "\xff", R"({"id":"a","id":"b","route":{},"payload":1})"}) {
    EXPECT_FALSE(ParseEnvelope(text).ok()) << text;
  }
  EXPECT_FALSE(ParseEnvelope(R"({"id":")" + std::string(kIdLimitBytes + 1, 'x') + R"(","route":{},"payload":1})").ok());
}

TEST(Route, ShiftsToTheEnd) {
  Route route{{"a"}, "b", {"c"}};
  route = route.Shifted();
  EXPECT_EQ(route, (Route{{"a", "b"}, "c", {}}));
  route = route.Shifted();
  EXPECT_EQ(route, (Route{{"a", "b", "c"}, "", {}}));
}

TEST(Frame, KeepsPayloadBytes) {
  const auto frame =
      ParseFrame(R"({"payload": [1 ,2], "route":{"prev":["a"],"curr":"","next":[]},"headers":{"k":"v"}})");
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(frame->payload, "[1 ,2]");
  ASSERT_TRUE(frame->headers.has_value());
  EXPECT_FALSE(frame->status.has_value());
  EXPECT_FALSE(ParseFrame(R"({"payload":1})").ok());
  EXPECT_FALSE(ParseFrame(R"({"route":{}})").ok());
}

TEST(DeriveId, SameInputSameIdAndNoCollisionsByConcatenation) {
  EXPECT_EQ(DeriveId("id", "a", 0), "id");
  const std::string id = DeriveId("id", "a", 1);
  EXPECT_EQ(id, DeriveId("id", "a", 1));
  EXPECT_EQ(id.size(), 36U);
  EXPECT_EQ(id[14], '8');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
  EXPECT_NE(id, DeriveId("id", "a", 2));
  EXPECT_NE(DeriveId("id", "a1", 1), DeriveId("id", "a", 11));
  EXPECT_NE(DeriveId("ida", "b", 1), DeriveId("id", "ab", 1));
}

TEST(QueueName, JoinsNamespaceAndActor) { EXPECT_EQ(QueueName("default", "prep"), "asya-default-prep"); }

}  // namespace
}  // namespace asya::model
