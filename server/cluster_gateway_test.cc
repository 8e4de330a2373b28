// Two servers of one cluster on one PostgreSQL: what comes to one counts at the other.
#include "server/cluster_gateway.h"

#include <gtest/gtest.h>

#include "model/envelope.h"
#include "server/test_cluster_gateway.h"
#include "tests/support/rabbitmq_vhost.h"
#include "transports/memory/broker.h"

namespace asya::server {
namespace {

using cluster::kubernetes::TestCluster;
using tests::PostgresSchema;

class ClusterGatewayTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
    schema_ = std::make_unique<PostgresSchema>();
    for (const char* namespace_ : {"vision", "audio"}) {
      ports::Record actor;
      actor.key = {"asyncactors", namespace_, "resize"};
      actor.uid = namespace_;
      actor.json = std::make_shared<const std::string>(
          R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":"resize","namespace":")" +
          std::string(namespace_) + R"("},"spec":{}})");
      ASSERT_TRUE(objects_.Create(actor, {}).ok());
    }
    here_ = std::make_unique<ServerOfACluster>(*schema_, cluster_, objects_);
    there_ = std::make_unique<ServerOfACluster>(*schema_, cluster_, objects_);
  }

  // What a relay of `namespace_` reports to `server`.
  static int Report(ServerOfACluster& server, const std::string& namespace_, const std::string& id,
                    const std::string& what) {
    const std::string report = R"({"task":")" + id + R"(","namespace":")" + namespace_ + "\"," + what + "}";
    return server.Report(namespace_, "POST", "/api/v1/events", report).status;
  }

  TestCluster cluster_{AnswerAsCluster};
  storage::memory::ObjectStore objects_{RealClock()};
  std::unique_ptr<PostgresSchema> schema_;
  std::unique_ptr<ServerOfACluster> here_;
  std::unique_ptr<ServerOfACluster> there_;
};

TEST_F(ClusterGatewayTest, WhatAHandlerSendsOnTheWayIsHeardAtAnyServer) {
  const std::string id = here_->CreateTask("vision");
  StreamReader stream(
      [&](const auto& on_body) { there_->Task("GET", "/api/v1/tasks/" + id + "/events", "", on_body); });
  ASSERT_TRUE(stream.Has("event: status"));
  const auto fly = [&](const std::string& data) {
    EXPECT_EQ(Report(*here_, "vision", id, R"("type":"fly","data":")" + data + "\""), 204);
  };
  // A hint that comes before the other server listens is lost, and what it was of with it.
  for (int n = 0; n < 1'000 && !stream.Has("hello", std::chrono::milliseconds(30)); ++n) fly("hello");
  ASSERT_TRUE(stream.Has("hello", std::chrono::milliseconds(0))) << stream.text();
  const std::string text = stream.text();
  const std::size_t at = text.find("id: ");
  const std::string id_of_status = text.substr(at, text.find('\n', at) + 1 - at);
  std::string told;
  for (int n = 0; n < 50; ++n) {
    const std::string data = std::to_string(n) + std::string(n % 10 == 0 ? 9'000 : 1, 'x');
    fly(data);
    told += id_of_status + "event: fly\ndata: \"" + data + "\"\n\n";
  }
  EXPECT_TRUE(stream.Has(told)) << "each once, in order, the last one included";
  EXPECT_EQ(Report(*here_, "vision", id, R"("type":"status","status":"succeeded","result":{})"), 204);
  EXPECT_TRUE(stream.Ended());
}

TEST_F(ClusterGatewayTest, ARelayChangesNothingOfAnotherNamespace) {
  const std::string id = here_->CreateTask("vision");
  StreamReader stream([&](const auto& on_body) { here_->Task("GET", "/api/v1/tasks/" + id + "/events", "", on_body); });
  ASSERT_TRUE(stream.Has("event: status"));
  EXPECT_EQ(Report(*here_, "audio", id, R"("type":"fly","data":"foreign")"), 204);
  EXPECT_EQ(Report(*here_, "audio", id, R"("type":"status","status":"failed","error":{"type":"X"})"), 204)
      << "as for a task that there is not";
  EXPECT_EQ(Report(*here_, "audio", id, R"("type":"dead-letter","raw_base64":"AAEC")"), 204);
  EXPECT_EQ(here_->StatusOf(id), "pending");
  EXPECT_EQ(Report(*here_, "vision", id, R"("type":"dead-letter","raw_base64":"AAEC","reason":"own")"), 204);
  EXPECT_EQ(Report(*here_, "vision", id, R"("type":"status","status":"succeeded","result":{})"), 204);
  EXPECT_TRUE(stream.Ended());
  EXPECT_EQ(stream.text().find("foreign"), std::string::npos) << stream.text();
  const auto letter = here_->Task("GET", "/api/v1/dead-letters/" + id);
  EXPECT_EQ(letter.status, 200) << letter.body;
  EXPECT_NE(letter.body.find("\"own\""), std::string::npos) << letter.body;
}

TEST_F(ClusterGatewayTest, ACancelReachesRelaysOfItsNamespaceAtAnyServerAndNoOthers) {
  const std::string before = here_->CreateTask("vision");
  EXPECT_EQ(here_->Task("DELETE", "/api/v1/tasks/" + before).status, 204);
  const std::string id = here_->CreateTask("vision");
  const auto follow = [](ServerOfACluster& server, const std::string& namespace_, const StreamReader::OnBody& on_body) {
    server.Report(namespace_, "GET", "/api/v1/cancellations", "", on_body);
  };
  StreamReader own([&](const auto& on_body) { follow(*there_, "vision", on_body); });
  StreamReader foreign_here([&](const auto& on_body) { follow(*here_, "audio", on_body); });
  StreamReader foreign_there([&](const auto& on_body) { follow(*there_, "audio", on_body); });
  for (StreamReader* const stream : {&own, &foreign_here, &foreign_there}) EXPECT_TRUE(stream->Has(":connected"));
  EXPECT_TRUE(own.Has(before));
  EXPECT_EQ(here_->Task("DELETE", "/api/v1/tasks/" + id).status, 204);
  EXPECT_TRUE(own.Has(id));
  // What comes later is there, and so was all that came before.
  const std::string last = here_->CreateTask("audio");
  EXPECT_EQ(here_->Task("DELETE", "/api/v1/tasks/" + last).status, 204);
  for (StreamReader* const stream : {&foreign_here, &foreign_there}) {
    EXPECT_TRUE(stream->Has(last));
    EXPECT_EQ(stream->text().find(before), std::string::npos) << stream->text();
    EXPECT_EQ(stream->text().find(id), std::string::npos) << stream->text();
  }
  EXPECT_EQ(own.text().find(last), std::string::npos) << own.text();
  here_->Stop();
  there_->Stop();
}

TEST_F(ClusterGatewayTest, AFirstMessageWaitsForWhoLeadsAndIsSentOnce) {
  if (!tests::RabbitmqVhost::IsThere()) GTEST_SKIP() << "needs a broker: run under tools/rabbitmq run";
  const tests::RabbitmqVhost vhost;
  const auto address = vhost.address();
  const json::Value transport = json::Object{
      {"metadata", json::Object{{"name", "rabbit"}}},
      {"spec", json::Object{{"type", "rabbitmq"},
                            {"rabbitmq", json::Object{{"host", address.host},
                                                      {"port", address.port},
                                                      {"virtualHost", address.virtual_host},
                                                      {"managementUrl", tests::RabbitmqVhost::ManagementUrl()}}}}}};
  QueueDirectory queues(
      [&](const json::Value&) {
        return Result<ports::Credentials::Values>(ports::Credentials::Values{
            {"ASYA_RABBITMQ_USERNAME", address.user}, {"ASYA_RABBITMQ_PASSWORD", address.password}});
      },
      RealClock());
  transports::memory::Broker local(RealClock());
  queues.Start(local.Admin(), [](const json::Value&) { return false; });
  const std::shared_ptr<ports::QueueAdmin> broker = queues.For(transport);
  const std::string queue = model::QueueName("vision", "resize");
  ASSERT_TRUE(broker->Ensure({queue, "uid"}).ok());
  const auto waiting = [&](std::int64_t wanted) {
    const SteadyTime until = RealClock().Steady() + kGatewayPatience;
    std::int64_t seen = -1;
    while (seen != wanted && RealClock().Steady() < until) seen = broker->Stats(queue)->visible;
    return seen;
  };
  here_->CreateTask("vision");
  EXPECT_EQ(waiting(0), 0) << "nobody leads yet";
  here_->Lead(queues);
  EXPECT_EQ(waiting(1), 1);
  here_->Yield();
  there_->CreateTask("vision");
  there_->Lead(queues);
  EXPECT_EQ(waiting(2), 2) << "the one that waited meanwhile, and no other again";
  there_->Yield();
  queues.Stop();
}

TEST_F(ClusterGatewayTest, WhoIsNoPodSpeaksForNobody) {
  const std::string id = here_->CreateTask("vision");
  const std::string report = R"({"task":")" + id + R"(","namespace":"vision","type":"status","status":"failed"})";
  EXPECT_EQ(here_->ReportBy("ada", "POST", "/api/v1/events", report).status, 401) << "her token is for another";
  EXPECT_EQ(here_->Report("audio", "POST", "/api/v1/events", report).status, 403) << "says another's namespace";
  EXPECT_EQ(here_->Report("vision", "POST", "/api/v1/tasks?actor=resize&namespace=vision", "{}").status, 404);
  EXPECT_EQ(here_->StatusOf(id), "pending");
  EXPECT_EQ(there_->Report("vision", "POST", "/api/v1/tasks/" + id + "/events", report).status, 204);
  EXPECT_EQ(here_->StatusOf(id), "failed");
}

// The head of a request that says that much more comes, and what it is answered before it does.
TEST_F(ClusterGatewayTest, WhoMayNotIsAnsweredBeforeTheBodyIsRead) {
  const auto answer_of = [this](const std::string& token, const std::string& target) {
    http::RawPeer peer(here_->tasks_port());
    peer.Send("POST " + target + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token +
              "\r\nContent-Length: 1000000\r\n\r\n{");
    const std::string head = peer.ReadUntil("\r\n\r\n");
    EXPECT_NE(head.find("Connection: close"), std::string::npos) << head;
    return head.substr(0, std::string("HTTP/1.1 401").size());
  };
  EXPECT_EQ(answer_of("nobody", "/api/v1/tasks?actor=resize&namespace=vision"), "HTTP/1.1 401");
  EXPECT_EQ(answer_of("ada", "/api/v1/tasks?actor=resize&namespace=other"), "HTTP/1.1 403");
  EXPECT_EQ(answer_of("ada", "/api/v1/dead-letters/none/replay"), "HTTP/1.1 404");
  // Relays, over TLS: a server that had read the body would keep the connection.
  const std::string large = "[\"" + std::string(8U << 20U, 'x') + "\"]";
  http::ClientResponse refused = here_->ReportBy("nobody", "POST", "/api/v1/events", large);
  EXPECT_EQ(refused.status, 401) << refused.body;
  EXPECT_EQ(refused.headers.Get("Connection"), "close");
  refused = here_->Report("vision", "POST", "/api/v1/events", large);
  EXPECT_EQ(refused.status, 400) << "that is read: " << refused.body;
}

}  // namespace
}  // namespace asya::server
