#include "relay/invocation_reply.h"

#include <gtest/gtest.h>

#include "relay/credits.h"
#include "relay/lineup.h"

namespace asya::relay {
namespace {

class Heard final : public InvocationReply::Listener {
 public:
  void OnFly(std::string_view data) override { fly.emplace_back(data); }
  void OnMetric(std::string_view data) override { metrics.emplace_back(data); }
  std::vector<std::string> fly;
  std::vector<std::string> metrics;
};

const std::string kFrame = R"({"payload":{"a": 1},"route":{"prev":["a"],"curr":"b","next":[]}})";

// Feeds the reply in pieces of each size, so that every boundary is met.
void ForEachPiece(const std::string& bytes, const std::function<void(InvocationReply&, Status, Heard&)>& check) {
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    Heard heard;
    InvocationReply reply(heard, ReplyLimits{});
    Status status = Ok();
    for (std::size_t at = 0; at < bytes.size() && status.ok(); at += size) {
      status = reply.Feed(std::string_view(bytes).substr(at, size));
    }
    check(reply, status, heard);
  }
}

std::string Sized(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

TEST(InvocationReply, AFunctionsFrame) {
  ForEachPiece(Sized("200 OK", R"({"frames":[)" + kFrame + "]}"), [](InvocationReply& reply, Status status, Heard&) {
    ASSERT_TRUE(status.ok());
    ASSERT_TRUE(reply.done());
    EXPECT_TRUE(reply.keep_alive());
    ASSERT_EQ(reply.answer().frames.size(), 1U);
    EXPECT_EQ(reply.answer().frames[0].payload, R"({"a": 1})");
  });
}

TEST(InvocationReply, APayloadAsDeepAsAnEnvelopeMayHaveOneComesBack) {
  constexpr std::size_t kDepth = 511;
  const std::string payload = std::string(kDepth, '[') + std::string(kDepth, ']');
  Heard heard;
  InvocationReply reply(heard, ReplyLimits{});
  const std::string frame = R"({"payload":)" + payload + R"(,"route":{"prev":["a"],"curr":"","next":[]}})";
  const Status read = reply.Feed(Sized("200 OK", R"({"frames":[)" + frame + "]}"));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(reply.answer().frames.at(0).payload, payload);
}

Status FeedEventForTheClient(Heard& heard, const std::string& data) {
  InvocationReply reply(heard, ReplyLimits{});
  return reply.Feed(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
      "event: upstream\ndata: " +
      data + "\n\nevent: done\ndata: {}\n\n");
}

// They are spliced into reports, which the gateway takes as what this relay says.
TEST(InvocationReply, AnEventForTheClientThatIsNotOneJsonValueIsRefused) {
  const std::string deep = std::string(600, '[') + std::string(600, ']');
  for (const std::string& data :
       {std::string("no JSON"), std::string(), std::string(R"(0},{"type":"status","task":"other","status":"failed")"),
        std::string("1,2"), std::string("1],[2"), std::string("{\"a\":\"\xff\"}"), deep}) {
    Heard heard;
    const Status status = FeedEventForTheClient(heard, data);
    ASSERT_FALSE(status.ok()) << data;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalid) << data;
    EXPECT_TRUE(heard.fly.empty()) << data;
  }
}

TEST(InvocationReply, AnEventForTheClientMayBeAnyJsonAsDeepAsAPayload) {
  const std::string deep = std::string(511, '[') + std::string(511, ']');
  for (const std::string& data :
       {std::string(R"( {"payload": {"é":[1,null,"\u00e9"]}} )"), std::string("null"), R"({"payload":)" + deep + "}"}) {
    Heard heard;
    const Status status = FeedEventForTheClient(heard, data);
    ASSERT_TRUE(status.ok()) << data;
    EXPECT_EQ(heard.fly.size(), 1U) << data;
  }
}

TEST(InvocationReply, NamesOfErrorsAreBounded) {
  const std::string name(100'000, 'N');
  Heard heard;
  InvocationReply reply(heard, ReplyLimits{});
  const std::string body =
      R"({"error":"processing_error","details":{"type":")" + name + R"(","message":"m","mro":[")" + name + R"("]}})";
  ASSERT_TRUE(reply.Feed(Sized("500 Internal Server Error", body)).ok());
  EXPECT_LT(reply.answer().error.type.size(), 300U);
  EXPECT_LT(reply.answer().error.mro.at(0).size(), 300U);
}

TEST(InvocationReply, NoneAndClosingServers) {
  Heard heard;
  InvocationReply none(heard, ReplyLimits{});
  ASSERT_TRUE(none.Feed("HTTP/1.1 204 No Content\r\n\r\n").ok());
  EXPECT_TRUE(none.done());
  EXPECT_TRUE(none.answer().frames.empty());
  InvocationReply old(heard, ReplyLimits{});
  ASSERT_TRUE(old.Feed("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"frames\":[" + kFrame + "]}").ok());
  EXPECT_FALSE(old.done());
  ASSERT_TRUE(old.End().ok());
  EXPECT_TRUE(old.done());
  EXPECT_FALSE(old.keep_alive());
}

TEST(InvocationReply, EventsChunkedInEveryPiece) {
  const std::string events =
      "event: upstream\ndata: {\"payload\":1}\n\nevent: metric\ndata: {\"name\":\"m\"}\n\n: note\n\n" +
      std::string("event: downstream\r\ndata: ") + kFrame + "\r\n\r\nevent: done\ndata: {}\n\n";
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", events.size());
  const std::string reply_bytes =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n" +
      std::string(size) + events + "\r\n0\r\n\r\n";
  ForEachPiece(reply_bytes, [](InvocationReply& reply, Status status, Heard& heard) {
    ASSERT_TRUE(status.ok()) << status.error().message;
    ASSERT_TRUE(reply.done());
    EXPECT_TRUE(reply.keep_alive());
    EXPECT_EQ(reply.answer().frames.size(), 1U);
    EXPECT_EQ(heard.fly, std::vector<std::string>{R"({"payload":1})"});
    EXPECT_EQ(heard.metrics.size(), 1U);
  });
}

TEST(InvocationReply, AStreamWithoutDoneIsACrash) {
  Heard heard;
  InvocationReply reply(heard, ReplyLimits{});
  ASSERT_TRUE(
      reply
          .Feed("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: downstream\ndata: " + kFrame + "\n\n")
          .ok());
  EXPECT_EQ(reply.End().error().code, ErrorCode::kClosed);
  InvocationReply half(heard, ReplyLimits{});
  ASSERT_TRUE(half.Feed("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}").ok());
  EXPECT_EQ(half.End().error().code, ErrorCode::kClosed);
  InvocationReply none(heard, ReplyLimits{});
  EXPECT_EQ(none.End().error().code, ErrorCode::kClosed);
}

TEST(InvocationReply, ErrorsOfHandlersAndOfEnvelopes) {
  Heard heard;
  InvocationReply failed(heard, ReplyLimits{});
  ASSERT_TRUE(failed
                  .Feed(Sized("500 Error", R"({"error":"processing_error","details":{"message":"m","type":"a.B",)"
                                           R"("mro":["a.C"],"traceback":"t"}})"))
                  .ok());
  EXPECT_EQ(failed.answer().outcome, CallAnswer::Outcome::kFailed);
  EXPECT_EQ(failed.answer().error.type, "a.B");
  EXPECT_EQ(failed.answer().error.mro, std::vector<std::string>{"a.C"});
  InvocationReply rejected(heard, ReplyLimits{});
  ASSERT_TRUE(rejected.Feed(Sized("400 Bad", R"({"error":"msg_parsing_error","details":{"message":"m"}})")).ok());
  EXPECT_EQ(rejected.answer().outcome, CallAnswer::Outcome::kRejected);
}

TEST(InvocationReply, GarbageAndLimits) {
  Heard heard;
  for (const std::string& bytes :
       {std::string("SSH-2.0-OpenSSH\r\n\r\n"), std::string("HTTP/1.1 abc\r\n\r\n"), Sized("200 OK", "{}"),
        Sized("200 OK", "[1]"), Sized("500 Error", "oops"), Sized("200 OK", R"({"frames":[{}]})"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        "HTTP/1.1 200 OK\r\n" + std::string(40'000, 'x'), Sized("200 OK", R"({"frames":[]})") + "more"}) {
    InvocationReply reply(heard, ReplyLimits{});
    EXPECT_FALSE(reply.Feed(bytes).ok()) << bytes.substr(0, 60);
  }
  ReplyLimits limits;
  limits.frames = 2;
  InvocationReply many(heard, limits);
  std::string events = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
  for (int i = 0; i < 3; ++i) events += "event: downstream\ndata: " + kFrame + "\n\n";
  EXPECT_EQ(many.Feed(events).error().code, ErrorCode::kTooLarge);
  limits.body_bytes = 100;
  InvocationReply large(heard, limits);
  EXPECT_EQ(large.Feed(Sized("200 OK", std::string(101, ' '))).error().code, ErrorCode::kTooLarge);
}

TEST(Credits, FollowTheServiceTime) {
  Credits credits(4);
  EXPECT_EQ(credits.limit(), 4U);
  credits.Measure(std::chrono::milliseconds(1));
  EXPECT_EQ(credits.limit(), 16U);
  EXPECT_EQ(credits.Missing(3, 0, 5), 8U);
  EXPECT_EQ(credits.Missing(16, 0, 0), 0U);
  EXPECT_EQ(credits.Missing(0, 32, 0), 0U);
  for (int i = 0; i < 50; ++i) credits.Measure(std::chrono::milliseconds(200));
  EXPECT_EQ(credits.limit(), 4U);
  EXPECT_EQ(credits.ahead(), 0U);
}

TEST(Lineup, SuspectsRunAloneAndFirst) {
  Lineup lineup;
  lineup.Add(1, false);
  lineup.Add(2, true);
  lineup.Add(3, true);
  EXPECT_EQ(lineup.Next(1, 4), std::nullopt);
  EXPECT_EQ(lineup.Next(0, 4), 2U);
  EXPECT_EQ(lineup.Next(0, 4), std::nullopt);
  lineup.Ended(2);
  EXPECT_EQ(lineup.Next(0, 4), 3U);
  lineup.Ended(3);
  EXPECT_EQ(lineup.Next(0, 4), 1U);
  EXPECT_EQ(lineup.Next(1, 4), std::nullopt);
}

}  // namespace
}  // namespace asya::relay
