// Two servers of one cluster on one PostgreSQL: what comes to one counts at the other.
#include "server/cluster_gateway.h"

#include <gtest/gtest.h>

#include "server/test_cluster_gateway.h"

namespace asya::server {
namespace {

using cluster::kubernetes::TestCluster;
using tests::PostgresSchema;

class ClusterGatewayTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
    schema_ = std::make_unique<PostgresSchema>();
    ports::Record actor;
    actor.key = {"asyncactors", "vision", "resize"};
    actor.uid = "resize";
    actor.json = std::make_shared<const std::string>(
        R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":"resize","namespace":"vision"},)"
        R"("spec":{}})");
    ASSERT_TRUE(objects_.Create(actor, {}).ok());
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
  const std::string id = here_->CreateTask("resize");
  StreamReader stream(
      [&](const auto& on_body) { there_->Task("GET", "/api/v1/tasks/" + id + "/events", "", on_body); });
  ASSERT_TRUE(stream.Has("event: status"));
  const auto fly = [&](const std::string& data) {
    EXPECT_EQ(Report(*here_, "vision", id, R"("type":"fly","data":")" + data + "\""), 204);
  };
  // A hint that comes before the other server listens is lost, and what it was of with it.
  for (int n = 0; n < 1'000 && !stream.Has("hello", std::chrono::milliseconds(30)); ++n) fly("hello");
  ASSERT_TRUE(stream.Has("hello", std::chrono::milliseconds(0))) << stream.text();
  std::string told;
  for (int n = 0; n < 50; ++n) {
    const std::string data = std::to_string(n) + std::string(n % 10 == 0 ? 9'000 : 1, 'x');
    fly(data);
    told += "event: fly\ndata: \"" + data + "\"\n\n";
  }
  EXPECT_TRUE(stream.Has(told)) << "each once, in order, the last one included";
  EXPECT_EQ(Report(*here_, "vision", id, R"("type":"status","status":"succeeded","result":{})"), 204);
  EXPECT_TRUE(stream.Ended());
}

}  // namespace
}  // namespace asya::server
