#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/http/test_server.h"

namespace asya::http {
namespace {

TEST(Server, AnswersOverTcpAndKeepsTheConnection) {
  const Running running = StartTcp(Echo);
  Client client;
  for (const char* body : {"one", "two"}) {
    ClientRequest request;
    request.method = "POST";
    request.url = running.url + "/a";
    request.body = body;
    const auto response = client.Call(request);
    ASSERT_TRUE(response.ok()) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, std::string("POST /a ") + body);
    EXPECT_EQ(response->headers.Get("content-type"), "text/plain");
  }
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  const Running running = StartTcp(Echo);
  RawPeer peer(running.port);
  peer.Send(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\nConnection: "
      "close\r\n\r\n");
  const std::string all = peer.ReadToEnd();
  const std::size_t first = all.find("GET /1");
  const std::size_t second = all.find("GET /2");
  const std::size_t third = all.find("GET /3");
  EXPECT_TRUE(first < second && second < third && third != std::string::npos) << all;
}

TEST(Server, AnswersHttp10AndCloses) {
  const Running running = StartTcp(Echo);
  RawPeer peer(running.port);
  peer.Send("GET /old HTTP/1.0\r\n\r\n");
  const std::string all = peer.ReadToEnd();
  EXPECT_NE(all.find("Connection: close"), std::string::npos);
  EXPECT_NE(all.find("GET /old"), std::string::npos);
}

TEST(Server, HeadHasTheLengthButNoBody) {
  const Running running = StartTcp([](const Request&, Responder responder) { responder.Send(Plain("12345")); });
  RawPeer peer(running.port);
  peer.Send("HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string all = peer.ReadToEnd();
  EXPECT_NE(all.find("Content-Length: 5"), std::string::npos);
  EXPECT_EQ(all.find("12345"), std::string::npos);
}

// A body that is made while it is sent: `pieces` after the first.
Handler InPieces(std::vector<std::string> pieces) {
  return [pieces](const Request&, Responder responder) {
    Response response = Plain("first");
    response.more = [left = pieces, next = std::size_t{0}]() mutable {
      return next < left.size() ? left[next++] : std::string();
    };
    responder.Send(std::move(response));
  };
}

TEST(Server, SendsWhatIsMadeMeanwhileInChunksAndKeepsTheConnection) {
  const Running running = StartTcp(InPieces({std::string(300'000, 'x'), "last"}));
  Client client;
  for (int i = 0; i < 2; ++i) {
    ClientRequest request;
    request.url = running.url;
    const auto response = client.Call(request);
    ASSERT_TRUE(response.ok()) << response.error().message;
    EXPECT_EQ(response->body, "first" + std::string(300'000, 'x') + "last");
  }
}

TEST(Server, SendsWhatIsMadeMeanwhileWholeOverHttp10) {
  const Running running = StartTcp(InPieces({"second", "third"}));
  RawPeer peer(running.port);
  peer.Send("GET / HTTP/1.0\r\n\r\n");
  const std::string all = peer.ReadToEnd();
  EXPECT_NE(all.find("Content-Length: 16\r\n"), std::string::npos) << all;
  EXPECT_TRUE(all.ends_with("\r\n\r\nfirstsecondthird")) << all;
}

// The time is that of one piece: a large list may take long to make and to send.
TEST(Server, GivesEachPieceOfWhatIsMadeMeanwhileItsTime) {
  ServerLimits limits;
  limits.write_timeout = std::chrono::seconds(1);
  std::promise<void> never;
  const Running running = StartTcp(
      [&](const Request&, Responder responder) {
        Response response = Plain("first");
        response.more = [&, left = 4]() mutable {
          never.get_future().wait_for(std::chrono::milliseconds(500));
          never = {};
          return left-- > 0 ? std::string("more") : std::string();
        };
        responder.Send(std::move(response));
      },
      limits);
  const auto response = Get(running.url);
  ASSERT_TRUE(response.ok()) << response.error().message;
  EXPECT_EQ(response->body, "firstmoremoremoremore");
}

TEST(Server, HeadMakesNothingOfWhatIsMadeMeanwhile) {
  const Running running = StartTcp(InPieces({"second"}));
  RawPeer peer(running.port);
  peer.Send("HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(peer.ReadToEnd().ends_with("\r\n\r\n"));
}

TEST(Server, RefusesABodyOverTheLimitAndTheClientSeesWhy) {
  ServerLimits limits;
  limits.body_bytes = 1000;
  const Running running = StartTcp(Echo, limits);
  RawPeer peer(running.port);
  peer.Send("POST / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + std::string(300'000, 'x'));
  EXPECT_NE(peer.ReadUntil("\"status\":413").find("HTTP/1.1 413"), std::string::npos);
}

TEST(Server, TellsTheClientToContinue) {
  const Running running = StartTcp(Echo);
  RawPeer peer(running.port);
  peer.Send("POST /c HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
  peer.ReadUntil("100 Continue\r\n\r\n");
  peer.Send("ok");
  EXPECT_NE(peer.ReadToEnd().find("POST /c ok"), std::string::npos);
}

TEST(Server, AnswerMayComeFromAnotherThread) {
  std::vector<std::thread> threads;
  std::mutex mutex;
  const Running running = StartTcp([&](Request request, Responder responder) {
    const std::lock_guard lock(mutex);
    threads.emplace_back(
        [r = std::make_shared<Responder>(std::move(responder)), path = request.path] { r->Send(Plain(path)); });
  });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Get(running.url + "/" + std::to_string(i))->body, "/" + std::to_string(i));
  for (std::thread& thread : threads) thread.join();
}

TEST(Server, ADroppedResponderOrAThrowingHandlerAnswers500) {
  const Running running = StartTcp([](const Request& request, const Responder&) {
    if (request.path == "/throw") throw std::runtime_error("broken");
  });
  EXPECT_EQ(Get(running.url + "/drop")->status, 500);
  EXPECT_EQ(Get(running.url + "/throw")->status, 500);
}

TEST(Server, APeerThatClosedItsSendingSideStillGetsItsAnswer) {
  std::optional<Responder> kept;
  std::promise<void> half_closed;
  const Running running = StartTcp([&](const Request&, Responder responder) {
    kept.emplace(std::move(responder));
    kept->OnPeerGone([&half_closed] { half_closed.set_value(); });
  });
  RawPeer peer(running.port);
  peer.Send("GET / HTTP/1.1\r\n\r\n");
  peer.HalfClose();
  ASSERT_EQ(half_closed.get_future().wait_for(kPatience), std::future_status::ready);
  kept->Send(Plain("late but there"));
  EXPECT_NE(peer.ReadToEnd().find("late but there"), std::string::npos);
}

TEST(Server, AcceptsAgainWhenAConnectionEnds) {
  ServerLimits limits;
  limits.connections = 1;
  const Running running = StartTcp(Echo, limits);
  RawPeer first(running.port);
  first.Send("GET /first HTTP/1.1\r\n\r\n");
  first.ReadUntil("/first");
  RawPeer second(running.port);
  second.Send("GET /second HTTP/1.1\r\nConnection: close\r\n\r\n");
  first.Close();
  EXPECT_NE(second.ReadToEnd().find("/second"), std::string::npos);
}

TEST(Server, ClosesAKeptConnectionAfterTheIdleTimeout) {
  ServerLimits limits;
  limits.idle_timeout = std::chrono::seconds(1);
  const Running running = StartTcp(Echo, limits);
  RawPeer peer(running.port);
  peer.Send("GET /a HTTP/1.1\r\n\r\n");
  EXPECT_NE(peer.ReadToEnd().find("GET /a"), std::string::npos);
}

TEST(Server, TellsAClientThatSendsTooSlowly) {
  ServerLimits limits;
  limits.request_timeout = std::chrono::seconds(1);
  const Running running = StartTcp(Echo, limits);
  RawPeer peer(running.port);
  peer.Send("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_NE(peer.ReadToEnd().find("HTTP/1.1 408"), std::string::npos);
}

TEST(Server, AnswersManyClientsOnSeveralThreads) {
  ServerLimits limits;
  limits.io_threads = 2;
  const Running running = StartTcp(Echo, limits);
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int t = 0; t < 4; ++t) {
    clients.emplace_back([&, t] {
      Client client;
      for (int i = 0; i < 100; ++i) {
        ClientRequest request;
        request.url = running.url + "/" + std::to_string(t) + "-" + std::to_string(i);
        const auto response = client.Call(request);
        if (response.ok() && response->body == "GET /" + std::to_string(t) + "-" + std::to_string(i) + " ") ++good;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good.load(), 400);
}

}  // namespace
}  // namespace asya::http
