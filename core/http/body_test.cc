// A server that asks its handler before it reads a body: Listen::heads_first.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "core/http/test_server.h"

namespace asya::http {
namespace {

constexpr const char* kHead = "POST /a HTTP/1.1\r\nHost: a\r\n";

Running StartHeadsFirst(Handler handler, ServerLimits limits = {}, std::optional<TlsIdentity> tls = std::nullopt) {
  Listen listen;
  listen.tcp = {"127.0.0.1", 0};
  listen.heads_first = true;
  listen.tls = std::move(tls);
  Running running;
  running.server =
      Server::Create(std::move(listen), limits, std::move(handler), observe::Logger::Silent(), nullptr).value();
  running.server->Start();
  const std::string address = running.server->address();
  running.url = "http://" + address;
  running.port = static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
  return running;
}

// Whether the body was pending, how long it was when asked, and how long it is.
Handler TellOfBodies() {
  return [](Request request, Responder responder) {
    const std::string asked = request.body_pending ? "pending " : "whole ";
    const Handler tell = [asked](const Request& all, Responder answer) {
      answer.Send(Plain(asked + std::to_string(all.body.size()) + (all.body_pending ? " pending" : "")));
    };
    WithBody(tell)(std::move(request), std::move(responder));
  };
}

TEST(HeadsFirst, WhoIsRefusedIsAnsweredWithoutTheBodyAndPartedFrom) {
  const Running running = StartHeadsFirst([](const Request& request, Responder responder) {
    responder.Send({401, request.body, "text/plain", {}});
  });
  RawPeer peer(running.port);
  peer.Send(std::string(kHead) + "Content-Length: 1000000\r\n\r\nthe first of it");
  const std::string all = peer.ReadToEnd();
  EXPECT_EQ(all.substr(0, 12), "HTTP/1.1 401") << all;
  EXPECT_NE(all.find("Connection: close"), std::string::npos) << all;
  EXPECT_EQ(all.find("the first of it"), std::string::npos) << "nothing of it was taken";
}

TEST(HeadsFirst, BodiesOfAllKindsAreReadWhenTheyAreAskedFor) {
  const Running running = StartHeadsFirst(TellOfBodies());
  const std::string large(300'000, 'x');
  RawPeer peer(running.port);
  peer.Send(std::string(kHead) + "Content-Length: 5\r\n\r\nsmall");
  EXPECT_NE(peer.ReadUntil("whole 5").find("whole 5"), std::string::npos) << "what is here is not waited for";
  peer.Send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(peer.ReadUntil("whole 0").find("whole 0"), std::string::npos);
  peer.Send(std::string(kHead) + "Content-Length: 300000\r\n\r\n");
  peer.Send(large);
  EXPECT_NE(peer.ReadUntil("pending 300000").find("pending 300000"), std::string::npos);
  // The next request, and the one after it, come at once.
  peer.Send(std::string(kHead) + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n" + kHead +
            "Content-Length: 100000\r\nConnection: close\r\n\r\n" + large.substr(0, 100'000));
  const std::string all = peer.ReadToEnd();
  EXPECT_NE(all.find("pending 4"), std::string::npos) << all;
  EXPECT_NE(all.find("pending 100000"), std::string::npos) << all;
}

TEST(HeadsFirst, ABodyMayBeAskedForByAnotherThread) {
  std::thread other;
  const Running running = StartHeadsFirst([&](Request request, Responder responder) {
    other = std::thread([request = std::move(request), responder = std::move(responder)]() mutable {
      TellOfBodies()(std::move(request), std::move(responder));
    });
  });
  RawPeer peer(running.port);
  peer.Send(std::string(kHead) + "Content-Length: 100000\r\n\r\n");
  peer.Send(std::string(100'000, 'x'));
  EXPECT_NE(peer.ReadUntil("pending 100000").find("pending 100000"), std::string::npos);
  other.join();
}

TEST(HeadsFirst, WhoWaitsForAWordBeforeTheBodyHearsItOnceItIsWanted) {
  std::promise<void> asked;
  std::promise<void> go_on;
  std::thread other;
  const Running running = StartHeadsFirst([&](Request request, Responder responder) {
    other = std::thread([&, request = std::move(request), responder = std::move(responder)]() mutable {
      asked.set_value();
      go_on.get_future().wait();
      TellOfBodies()(std::move(request), std::move(responder));
    });
  });
  RawPeer peer(running.port);
  peer.Send(std::string(kHead) + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  asked.get_future().wait();
  go_on.set_value();
  EXPECT_EQ(peer.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.Send("abc");
  EXPECT_NE(peer.ReadUntil("pending 3").find("pending 3"), std::string::npos);
  other.join();
}

TEST(HeadsFirst, WhatIsWrongWithABodyIsSaidInPlaceOfTheAnswer) {
  std::atomic<int> read = 0;
  ServerLimits limits;
  limits.body_bytes = 10;
  const auto answer_to = [&](const std::string& text) {
    const Running running = StartHeadsFirst(WithBody([&](const Request&, Responder responder) {
                                              ++read;
                                              responder.Send(Plain(""));
                                            }),
                                            limits);
    RawPeer peer(running.port);
    peer.Send(kHead + text);
    return peer.ReadToEnd().substr(0, 12);
  };
  EXPECT_EQ(answer_to("Content-Length: 11\r\n\r\n"), "HTTP/1.1 413");
  EXPECT_EQ(answer_to("Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n"), "HTTP/1.1 413");
  EXPECT_EQ(answer_to("Transfer-Encoding: chunked\r\n\r\nno size\r\n"), "HTTP/1.1 400");
  limits.request_timeout = std::chrono::seconds(1);
  EXPECT_EQ(answer_to("Content-Length: 5\r\n\r\nabc"), "HTTP/1.1 408") << "the rest does not come";
  EXPECT_EQ(read, 0);
}

TEST(HeadsFirst, WhoLeavesBeforeTheBodyIsThereIsForgotten) {
  std::promise<void> wanted;
  const auto kept = std::make_shared<int>(0);
  const std::weak_ptr<int> seen = kept;
  Running running = StartHeadsFirst([&, kept](Request request, Responder responder) {
    responder.ReadBody(std::move(request), [kept](const Request&, Responder) { FAIL() << "there is no body"; });
    wanted.set_value();
  });
  {
    RawPeer peer(running.port);
    peer.Send(std::string(kHead) + "Content-Length: 100000\r\n\r\nsome");
    wanted.get_future().wait();
  }
  running.server->Stop(kPatience);
  EXPECT_EQ(seen.use_count(), 2) << "of the test and of the handler of the server";
}

TEST(HeadsFirst, OverTlsTheAnswerArrivesThoughTheBodyIsStillSent) {
  const TlsIdentity identity = MakeSelfSigned("a", 1).value();
  Running running = StartHeadsFirst(
      [](const Request&, Responder responder) {
        responder.Send({401, "no", "text/plain", {}});
      },
      {}, identity);
  Client client;
  ClientRequest request;
  request.method = "POST";
  request.url = "https://" + running.server->address() + "/a";
  request.ca_pem = identity.certificate_pem;
  request.body = std::string(8U << 20U, 'x');
  const auto response = client.Call(request);
  ASSERT_TRUE(response.ok()) << response.error().message;
  EXPECT_EQ(response->status, 401);
  EXPECT_EQ(response->body, "no");
  EXPECT_EQ(response->headers.Get("Connection"), "close");
}

}  // namespace
}  // namespace asya::http
