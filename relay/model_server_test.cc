// A relay whose model server misbehaves.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <mutex>

#include "core/http/server.h"
#include "relay/model_server.h"
#include "tests/support/fake_gateway.h"
#include "tests/support/relay_harness.h"
#include "tests/support/unix_server.h"

namespace asya::relay {
namespace {

using tests::BindLoopback;
using tests::BoundPort;
using tests::RelayHarness;
using tests::ServedConnection;
using tests::ServedRequest;
using tests::UnixServer;

const std::string kChunk =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n";

class ModelServerTest : public testing::Test {
 protected:
  using Answer = std::function<void(ServedConnection&, const ServedRequest&, int call)>;

  // `more` are members of the endpoint beside its URL.
  void Configure(const std::string& more = "", const std::string& allow = "loopback",
                 const std::string& scheme = "http") {
    std::vector<Error> problems;
    harness_.settings.endpoint =
        ParseEndpoint(R"({"url":")" + scheme + "://127.0.0.1:" + port_.port + "/v1\"" + more + "}", allow,
                      [](const std::string&) { return std::optional<std::string>("sk-0123456789"); }, problems);
    ASSERT_EQ(problems.size(), 0U);
  }
  void Serve(Answer answer) {
    server_ =
        std::make_unique<UnixServer>(port_.descriptor, [this, answer = std::move(answer)](ServedConnection& peer) {
          while (const auto request = peer.Read()) answer(peer, *request, ++calls_);
        });
  }
  std::optional<model::Envelope> Outcome(const std::string& actor, const std::string& payload = R"({"in":1})") {
    harness_.Send(harness_.Make("e1", {"post"}, payload));
    return harness_.Take(actor);
  }
  std::string ErrorTypeOf(const std::string& payload = R"({"in":1})") {
    const auto failed = Outcome("x-sink", payload);
    return failed ? failed->status.error.GetString("type").value_or("none") : "nothing came";
  }

  BoundPort port_ = BindLoopback();
  RelayHarness harness_;
  std::atomic<int> calls_ = 0;
  std::unique_ptr<UnixServer> server_;
};

TEST_F(ModelServerTest, IsCalledAsTheEndpointSays) {
  std::string head;
  std::string body;
  Serve([&](ServedConnection& peer, const ServedRequest& request, int) {
    head = request.head;
    body = request.body;
    peer.Reply(200, "application/json", R"({"out": 2.50})");
  });
  Configure(R"--(,"input":"/in","output":"/result","headers":{"Authorization":"Bearer $(KEY)"})--");
  harness_.Start();
  const auto taken = Outcome("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, R"({"in":1,"result":{"out": 2.50}})");
  EXPECT_EQ(taken->headers.at("mine"), json::Value("kept"));
  EXPECT_EQ(taken->route.prev, (std::vector<std::string>{"prep", "infer"}));
  EXPECT_EQ(body, "1");
  EXPECT_EQ(head.rfind("POST /v1 HTTP/1.1", 0), 0U);
  EXPECT_NE(head.find("Authorization: Bearer sk-0123456789"), std::string::npos);
  EXPECT_NE(head.find("traceparent: 00-0af7651916cd43dd8448eb211c80319c-"), std::string::npos);
}

TEST_F(ModelServerTest, AStreamIsHeardWhileItRuns) {
  const std::string socket = harness_.folder() + "/gateway.sock";
  tests::FakeGateway gateway(socket);
  harness_.settings.gateway = Address{socket, "", ""};
  Serve([&](ServedConnection& peer, const ServedRequest&, int) {
    peer.Send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + kChunk);
    // The rest comes only once the first part has been seen.
    const bool heard = gateway.Wait([](const std::vector<json::Value>& items) {
      return std::any_of(items.begin(), items.end(),
                         [](const json::Value& item) { return item.GetString("type") == "fly"; });
    });
    if (heard) peer.Send("data: [DONE]\n\n");
    peer.WaitForClose();
  });
  Configure(R"(,"protocol":"openai","input":"/q")");
  harness_.Start();
  const auto taken = Outcome("post", R"({"q":"hello"})");
  ASSERT_TRUE(taken.has_value());
  EXPECT_NE(taken->payload.find(R"("content":"hi")"), std::string::npos);
}

TEST_F(ModelServerTest, ARefusalFollowsThePolicyOfItsType) {
  harness_.settings.resiliency.policies["again"].initial_delay = std::chrono::milliseconds(1);
  harness_.settings.resiliency.rules = {{{"Transient"}, "again"}};
  Serve([](ServedConnection& peer, const ServedRequest&, int call) {
    if (call == 1) {
      peer.Reply(503, "application/json", "{}");
    } else {
      peer.Reply(200, "application/json", "2");
    }
  });
  Configure();
  harness_.Start();
  const auto taken = Outcome("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, "2");
  EXPECT_EQ(calls_, 2);
}

TEST_F(ModelServerTest, ARefusalThatNoPolicyNamesEndsWithItsMessage) {
  Serve([](ServedConnection& peer, const ServedRequest&, int) {
    peer.Reply(400, "application/json", R"({"error":{"message":"no, sk-0123456789"}})");
  });
  Configure(R"--(,"headers":{"Authorization":"Bearer $(KEY)"})--");
  harness_.Start();
  const auto failed = Outcome("x-sink");
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->status.reason, "RuntimeError");
  EXPECT_EQ(failed->status.error.GetString("type"), "http.BadRequest");
  EXPECT_EQ(failed->status.error.GetString("message"), "the model server answered 400: no, ***");
}

TEST_F(ModelServerTest, WhatCannotBeSentIsAnErrorOfThePayload) {
  Serve([](ServedConnection& peer, const ServedRequest&, int) { peer.Reply(200, "application/json", "2"); });
  Configure(R"(,"input":"/no")");
  harness_.Start();
  EXPECT_EQ(ErrorTypeOf(), "InputError");
  EXPECT_EQ(calls_, 0);
}

TEST_F(ModelServerTest, AMalformedAnswerIsAProtocolError) {
  Serve([](ServedConnection& peer, const ServedRequest&, int) { peer.Reply(200, "application/json", "<html>"); });
  Configure();
  harness_.Start();
  EXPECT_EQ(ErrorTypeOf(), "RuntimeProtocolError");
}

TEST_F(ModelServerTest, ASlowCallIsCutOffAtItsTime) {
  std::atomic<bool> closed = false;
  Serve([&](ServedConnection& peer, const ServedRequest&, int) {
    peer.WaitForClose();
    closed = true;
  });
  Configure(R"(,"timeout":"100ms")");
  harness_.Start();
  EXPECT_EQ(ErrorTypeOf(), "Timeout");
  EXPECT_TRUE(RelayHarness::Eventually([&] { return closed.load(); }));
}

TEST_F(ModelServerTest, WhileItIsAwayNothingIsTakenAndNoAttemptCounted) {
  Configure();
  harness_.Start();
  harness_.Send(harness_.Make("e1", {"post"}));
  EXPECT_TRUE(RelayHarness::Eventually(
      [&] { return harness_.Get("/readyz").find("cannot connect: Connection refused") != std::string::npos; }));
  EXPECT_EQ(harness_.Stats("infer").visible, 1);
  Serve([](ServedConnection& peer, const ServedRequest&, int) { peer.Reply(200, "application/json", "2"); });
  const auto taken = harness_.Take("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.attempt, 1);
}

TEST_F(ModelServerTest, ACallThatIsCutRunsAgainAndCountsNoAttempt) {
  Serve([](ServedConnection& peer, const ServedRequest&, int call) {
    if (call == 1) {
      peer.Send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:");
      peer.Cut();
    } else {
      peer.Reply(200, "application/json", R"({"choices":[]})");
    }
  });
  Configure(R"(,"protocol":"openai","input":"/q")");
  harness_.Start();
  const auto taken = Outcome("post", R"({"q":"hello"})");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.attempt, 1);
  EXPECT_EQ(calls_, 2);
}

TEST_F(ModelServerTest, WhatCutsEveryCallOffEndsAfterItsLimit) {
  harness_.limits.least_crash_limit = 2;
  Serve([](ServedConnection& peer, const ServedRequest&, int) { peer.Cut(); });
  Configure();
  harness_.Start();
  const auto failed = Outcome("x-sink");
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->status.reason, "RuntimeError");
}

TEST_F(ModelServerTest, AnIdleConnectionThatHasEndedIsReplaced) {
  std::mutex mutex;
  bool first = true;
  // The first connection answers once and ends unanswered with its second request.
  server_ = std::make_unique<UnixServer>(port_.descriptor, [&](ServedConnection& peer) {
    const bool dying = [&] {
      const std::lock_guard lock(mutex);
      return std::exchange(first, false);
    }();
    while (peer.Read()) {
      ++calls_;
      if (dying && calls_ == 2) return;
      peer.Reply(200, "application/json", "2");
    }
  });
  Configure();
  harness_.Start();
  for (const char* id : {"e1", "e2"}) {
    harness_.Send(harness_.Make(id, {"post"}));
    const auto taken = harness_.Take("post");
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(taken->status.attempt, 1);
  }
  EXPECT_EQ(calls_, 3);
  EXPECT_EQ(server_->accepted(), 2);
}

TEST_F(ModelServerTest, AnAddressThatIsNotForEveryoneIsNotConnectedTo) {
  Serve([](ServedConnection& peer, const ServedRequest&, int) { peer.Reply(200, "application/json", "2"); });
  Configure("", "");
  harness_.Start();
  EXPECT_TRUE(RelayHarness::Eventually(
      [&] { return harness_.Get("/readyz").find("a loopback address is not called") != std::string::npos; }));
  EXPECT_EQ(server_->accepted(), 0);
}

class TlsModelServer : public ModelServerTest {
 protected:
  explicit TlsModelServer(bool trusted = true) {
    const http::TlsIdentity identity = *http::MakeSelfSigned("localhost", 1);
    const std::string file = harness_.folder() + "/ca.pem";
    std::ofstream(file) << (trusted ? identity.certificate_pem : "");
    ::setenv("SSL_CERT_FILE", file.c_str(), 1);
    http::Listen listen;
    listen.tcp = {"127.0.0.1", 0};
    listen.tls = identity;
    const auto answer = [](const http::Request&, http::Responder responder) {
      http::Response response;
      response.content_type = "application/json";
      response.body = "2";
      responder.Send(std::move(response));
    };
    tls_server_ = http::Server::Create(listen, {}, answer, observe::Logger::Silent(), nullptr).value();
    tls_server_->Start();
    port_.port = tls_server_->address().substr(tls_server_->address().rfind(':') + 1);
  }
  ~TlsModelServer() override {
    tls_server_->Stop(std::chrono::seconds(1));
    ::unsetenv("SSL_CERT_FILE");
  }
  std::unique_ptr<http::Server> tls_server_;
};

TEST_F(TlsModelServer, IsCalledWhereItsCertificateIsTrusted) {
  Configure("", "loopback", "https");
  harness_.Start();
  const auto taken = Outcome("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, "2");
}

// The server is there, and slow to begin with TLS.
TEST_F(ModelServerTest, ACallThatHasNoTimeToConnectSaysNothingOfTheServer) {
  Serve([](ServedConnection&, const ServedRequest&, int) {});
  Configure(R"(,"timeout":"10ms")", "loopback", "https");
  Reactor reactor;
  Random random(1);
  std::vector<RuntimeState> states;
  std::vector<Finished::How> outcomes;
  ModelServerLimits limits;
  // For which the test lasts; all calls have to end before it.
  limits.connect_timeout = std::chrono::seconds(3);
  ModelServer server(reactor, *harness_.settings.endpoint, ReplyLimits{}, limits, RealClock(), random);
  server.Start([&](const RuntimeState& state) {
    states.push_back(state);
    reactor.Stop();
  });
  class Deaf final : public CallListener {
    void OnFly(std::string_view) override {}
    void OnMetric(std::string_view) override {}
  } deaf;
  const std::string body = SerializeEnvelope(harness_.Make("e1", {"post"}));
  constexpr std::size_t kCalls = 3;
  const std::function<void()> call = [&] {
    server.Invoke(body, std::chrono::seconds(10), deaf, [&](const Finished& finished) {
      outcomes.push_back(finished.how);
      EXPECT_TRUE(states.empty()) << states.front().text;
      if (outcomes.size() < kCalls) call();
    });
  };
  reactor.Post(call);
  reactor.Run();
  // Nothing was sent, so that they have not failed.
  EXPECT_EQ(outcomes, std::vector<Finished::How>(kCalls, Finished::How::kUnreached));
  // They have waited for one connection, which the time for connections has ended.
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states.front().kind, RuntimeState::Kind::kAbsent);
  EXPECT_NE(states.front().text.find("cannot connect: timed out"), std::string::npos);
  EXPECT_EQ(server_->accepted(), 1);
}

class UntrustedModelServer : public TlsModelServer {
 protected:
  UntrustedModelServer() : TlsModelServer(false) {}
};

TEST_F(UntrustedModelServer, IsNotCalled) {
  Configure("", "loopback", "https");
  harness_.Start();
  EXPECT_TRUE(RelayHarness::Eventually(
      [&] { return harness_.Get("/readyz").find("the certificate is not trusted") != std::string::npos; }));
}

}  // namespace
}  // namespace asya::relay
