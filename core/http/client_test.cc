#include <gtest/gtest.h>

#include "core/http/test_server.h"

namespace asya::http {
namespace {

TEST(Client, SaysWhichFailureItWas) {
  std::optional<Responder> kept;
  const Running running = StartTcp([&](const Request&, Responder responder) { kept.emplace(std::move(responder)); });
  Client client;
  ClientRequest request;
  request.url = running.url;
  request.deadline = std::chrono::milliseconds(20);
  EXPECT_EQ(client.Call(request).error().code, ErrorCode::kTimeout);
  request.deadline = kPatience;
  request.unix_path = "/nonexistent/socket";
  EXPECT_EQ(client.Call(request).error().code, ErrorCode::kUnavailable);
  request.unix_path.reset();
  request.url = "ftp://127.0.0.1/";
  EXPECT_EQ(client.Call(request).error().code, ErrorCode::kInvalid);
}

TEST(Client, BoundsTheAnswerAndHandsItOverInPieces) {
  const Running running =
      StartTcp([](const Request&, Responder responder) { responder.Send(Plain(std::string(100'000, 'x'))); });
  Client client;
  ClientRequest request;
  request.url = running.url;
  request.response_limit_bytes = 1000;
  EXPECT_EQ(client.Call(request).error().code, ErrorCode::kTooLarge);
  std::size_t seen = 0;
  request.on_body = [&seen](std::string_view piece) {
    seen += piece.size();
    return true;
  };
  EXPECT_TRUE(client.Call(request).ok());
  EXPECT_EQ(seen, 100'000U);
  request.on_body = [](std::string_view) { return false; };
  EXPECT_EQ(client.Call(request).error().code, ErrorCode::kClosed);
}

TEST(Client, ACallThatWaitsEndsWhenItsCallerSaysSo) {
  std::optional<Responder> kept;
  const Running running = StartTcp([&](const Request&, Responder responder) { kept.emplace(std::move(responder)); });
  Client client;
  ClientRequest request;
  request.url = running.url;
  request.deadline = std::chrono::minutes(10);
  int asked = 0;
  request.is_over = [&asked] { return ++asked > 2; };
  EXPECT_EQ(client.Call(request).error().code, ErrorCode::kClosed);
}

}  // namespace
}  // namespace asya::http
