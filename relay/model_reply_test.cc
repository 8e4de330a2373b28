#include "relay/model_reply.h"

#include <gtest/gtest.h>

namespace asya::relay {
namespace {

class Heard final : public CallListener {
 public:
  void OnFly(std::string_view data) override { fly.emplace_back(data); }
  void OnMetric(std::string_view) override {}
  std::vector<std::string> fly;
};

struct Read {
  Status status = Ok();
  bool done = false;
  bool keep_alive = false;
  CallAnswer answer;
  std::vector<std::string> fly;
  [[nodiscard]] std::string payload() const {
    return std::string(answer.frames.size() == 1 ? answer.frames[0].payload : "none");
  }
};

Read ReadIn(Endpoint::Protocol protocol, const std::string& bytes, std::size_t piece, const ReplyLimits& limits = {}) {
  Endpoint endpoint;
  endpoint.protocol = protocol;
  endpoint.output = *json::Pointer::Parse("/answer");
  endpoint.secrets = {"sk-0123456789"};
  Heard heard;
  ModelReply reply(endpoint, R"({"kept": 1.50})", {{"a"}, "b", {}}, heard, limits, WallTime{});
  Read read;
  for (std::size_t at = 0; at < bytes.size() && read.status.ok(); at += piece) {
    read.status = reply.Feed(std::string_view(bytes).substr(at, piece));
  }
  if (read.status.ok()) read.status = reply.End();
  read.done = reply.done();
  read.keep_alive = reply.keep_alive();
  read.answer = std::move(reply.answer());
  read.fly = heard.fly;
  return read;
}

Read ReadAll(Endpoint::Protocol protocol, const std::string& bytes, const ReplyLimits& limits = {}) {
  return ReadIn(protocol, bytes, bytes.size(), limits);
}

std::string Sized(const std::string& status, const std::string& body, const std::string& more = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string Streamed(const std::string& events) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n" + events;
}

const std::string kHello =
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"role\":\"assistant\",\"content\":\"Hel\"},\"finish_reason\":null}]}\n\n: ping\n\n"
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"lo\"},"
    "\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n";

TEST(ModelReply, AStreamedChatBecomesItsCompletionInEveryPiece) {
  const std::string bytes = Streamed(kHello + "data: [DONE]\n\n");
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Read read = ReadIn(Endpoint::Protocol::kChat, bytes, piece);
    ASSERT_TRUE(read.status.ok()) << read.status.error().message;
    ASSERT_TRUE(read.done);
    EXPECT_EQ(read.fly.size(), 2U);
    EXPECT_EQ(read.payload(),
              R"({"kept": 1.50,"answer":{"choices":[{"finish_reason":"stop","index":0,"message":{"content":"Hello",)"
              R"("role":"assistant"}}],"id":"c1","model":"m","object":"chat.completion","usage":{"total_tokens":3}}})");
  }
}

TEST(ModelReply, PiecesOfToolCallsAreJoined) {
  const Read read = ReadAll(
      Endpoint::Protocol::kChat,
      Streamed("data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"t\",\"type\":"
               "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\"}}]}}]}\n\n"
               "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
               "\"\\\":1}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n"));
  EXPECT_NE(read.payload().find(R"("function":{"arguments":"{\"a\":1}","name":"f"},"id":"t","index":0)"),
            std::string::npos)
      << read.payload();
}

TEST(ModelReply, AStreamThatIsCutIsACrash) {
  const std::size_t half = kHello.find(": ping");
  EXPECT_EQ(ReadAll(Endpoint::Protocol::kChat, Streamed(kHello.substr(0, half))).status.error().code,
            ErrorCode::kClosed);
  // Without [DONE] it is complete all the same once every choice has ended.
  EXPECT_TRUE(ReadAll(Endpoint::Protocol::kChat, Streamed(kHello)).status.ok());
  EXPECT_EQ(ReadAll(Endpoint::Protocol::kJson, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}").status.error().code,
            ErrorCode::kClosed);
}

TEST(ModelReply, TheAnswerIsPutIntoThePayload) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    const Read read = ReadIn(Endpoint::Protocol::kJson, Sized("201 Created", " [1.50] "), piece);
    EXPECT_EQ(read.payload(), R"({"kept": 1.50,"answer":[1.50]})");
    EXPECT_TRUE(read.keep_alive);
    EXPECT_EQ(read.answer.frames[0].route.curr, "b");
  }
  EXPECT_EQ(ReadAll(Endpoint::Protocol::kInfer, Sized("200 OK", R"({"outputs":[]})")).payload(),
            R"({"kept": 1.50,"answer":{"outputs":[]}})");
  EXPECT_EQ(ReadAll(Endpoint::Protocol::kChat, Sized("200 OK", R"({"choices":[]})")).payload(),
            R"({"kept": 1.50,"answer":{"choices":[]}})");
  const Read none = ReadAll(Endpoint::Protocol::kJson, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(none.done);
  EXPECT_TRUE(none.answer.frames.empty());
}

TEST(ModelReply, ARefusalIsAnErrorOfTheHandlerThatKeepsSecrets) {
  const Read read = ReadAll(Endpoint::Protocol::kChat, Sized("401 No", R"({"error":{"message":"key sk-0123456789"}})"));
  EXPECT_TRUE(read.done);
  EXPECT_EQ(read.answer.outcome, CallAnswer::Outcome::kFailed);
  EXPECT_EQ(read.answer.error.type, "http.Unauthorized");
  EXPECT_EQ(read.answer.error.message, "the model server answered 401: key ***");
  const Read busy = ReadAll(Endpoint::Protocol::kJson, Sized("503 Busy", "", "Retry-After: 7\r\n"));
  EXPECT_EQ(busy.answer.error.least_delay, std::chrono::seconds(7));
  EXPECT_EQ(ReadAll(Endpoint::Protocol::kJson, Sized("307 Go", "", "Location: http://else\r\n")).answer.error.type,
            "http.Redirect");
  const Read large = ReadAll(Endpoint::Protocol::kJson, Sized("500 Error", std::string(1U << 20U, 'x')));
  EXPECT_EQ(large.answer.error.message, "the model server answered 500");
}

TEST(ModelReply, AnErrorInThePlaceOfAnAnswer) {
  for (const std::string& bytes : {Streamed("data: {\"error\":{\"message\":\"full\",\"code\":503}}\n\n"),
                                   Sized("200 OK", R"({"error":{"message":"full","code":503}})")}) {
    const Read read = ReadAll(Endpoint::Protocol::kChat, bytes);
    ASSERT_TRUE(read.status.ok());
    EXPECT_EQ(read.answer.error.type, "http.ServiceUnavailable");
  }
}

TEST(ModelReply, WhatIsNoReplyOfTheProtocol) {
  using Protocol = Endpoint::Protocol;
  const std::vector<std::pair<Protocol, std::string>> wrong = {
      {Protocol::kJson, Sized("200 OK", "")},
      {Protocol::kJson, Sized("200 OK", "{")},
      {Protocol::kJson, Sized("200 OK", "1],[2")},
      {Protocol::kJson, Sized("200 OK", "1,2")},
      {Protocol::kJson, Sized("200 OK", "\"\xff\"")},
      {Protocol::kJson, Streamed(kHello)},
      {Protocol::kJson, Sized("200 OK", "1") + "more"},
      {Protocol::kJson, "SSH-2.0-x\r\n\r\n"},
      {Protocol::kChat, Sized("200 OK", "{}")},
      {Protocol::kChat, Sized("200 OK", R"({"choices":1})")},
      {Protocol::kChat, Sized("200 OK", "[]")},
      {Protocol::kChat, Streamed("data: {]\n\n")},
      {Protocol::kChat, Streamed("data: 1\n\n")},
      {Protocol::kChat, Streamed("data: {}\n\n")},
      {Protocol::kChat, Streamed("data: {\"choices\":[1]}\n\n")},
      {Protocol::kInfer, Sized("200 OK", R"({"choices":[]})")},
  };
  for (const auto& [protocol, bytes] : wrong) {
    const Read read = ReadAll(protocol, bytes);
    ASSERT_FALSE(read.status.ok()) << bytes;
    EXPECT_EQ(read.status.error().code, ErrorCode::kInvalid) << bytes;
  }
}

TEST(ModelReply, Limits) {
  ReplyLimits limits;
  limits.body_bytes = 100;
  for (const std::string& bytes : {Sized("200 OK", std::string(101, ' ')), Streamed(std::string(101, 'x')),
                                   Streamed("data: {\"choices\":[]}\n\n" + std::string(101, '\n'))}) {
    EXPECT_EQ(ReadAll(Endpoint::Protocol::kChat, bytes, limits).status.error().code, ErrorCode::kTooLarge);
  }
  std::string choices;
  for (std::size_t i = 0; i <= ChatStream::kItemsMax; ++i) {
    choices += (i == 0 ? "" : ",") + std::string("{\"index\":") + std::to_string(i) + "}";
  }
  EXPECT_FALSE(ReadAll(Endpoint::Protocol::kChat, Streamed("data: {\"choices\":[" + choices + "]}\n\n")).status.ok());
}

TEST(ModelReply, AnAnswerThatHasNoPlaceIsAnErrorOfTheHandler) {
  Endpoint endpoint;
  endpoint.output = *json::Pointer::Parse("/a/b");
  Heard heard;
  ModelReply reply(endpoint, R"({"a":1})", {}, heard, {}, WallTime{});
  ASSERT_TRUE(reply.Feed(Sized("200 OK", "1")).ok());
  EXPECT_EQ(reply.answer().error.type, "OutputError");
}

}  // namespace
}  // namespace asya::relay
