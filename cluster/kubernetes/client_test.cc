#include "cluster/kubernetes/client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <latch>
#include <thread>

#include "cluster/kubernetes/test_cluster.h"
#include "core/base/utf8.h"

namespace asya::cluster::kubernetes {
namespace {

std::string HeaderOf(const http::Request& request, const char* name) {
  return request.headers.Get(name).value_or("(none)");
}

TEST(KubernetesClient, SendsAndReadsJson) {
  TestCluster cluster([](const http::Request&) { return TestCluster::Json(201, R"({"made":true})"); });
  Endpoint endpoint = cluster.At();
  endpoint.token = "t0ken";
  Client client(endpoint, RealClock());
  const auto made = client.Create("/api/v1/namespaces", json::Object{{"kind", "Namespace"}});
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(json::Dump(*made), R"({"made":true})");
  const auto requests = cluster.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].path, "/api/v1/namespaces");
  EXPECT_EQ(requests[0].body, R"({"kind":"Namespace"})");
  EXPECT_EQ(HeaderOf(requests[0], "Authorization"), "Bearer t0ken");
  EXPECT_EQ(HeaderOf(requests[0], "Content-Type"), "application/json");
}

TEST(KubernetesClient, EndsItsCallsWhenItIsCancelled) {
  std::latch arrived(1);
  std::latch over(1);
  TestCluster cluster([&](const http::Request&) {
    arrived.count_down();
    over.wait();
    return TestCluster::Json(200, "{}");
  });
  Client client(cluster.At(), RealClock());
  std::thread canceller([&] {
    arrived.wait();
    client.Cancel();
  });
  Call call;
  call.path = "/api";
  call.deadline = std::chrono::seconds(60);
  const auto ended = client.Send(call);
  over.count_down();
  canceller.join();
  EXPECT_EQ(ended.error().code, ErrorCode::kClosed);
  EXPECT_EQ(client.Get("/api").error().code, ErrorCode::kClosed);
  EXPECT_EQ(cluster.requests().size(), 1U) << "later ones are not even begun";
}

TEST(KubernetesClient, TellsRefusalsApart) {
  const std::tuple<int, const char*, ErrorCode> cases[] = {
      {400, "BadRequest", ErrorCode::kInvalid},      {401, "Unauthorized", ErrorCode::kUnauthorized},
      {403, "Forbidden", ErrorCode::kForbidden},     {404, "NotFound", ErrorCode::kNotFound},
      {409, "Conflict", ErrorCode::kConflict},       {409, "AlreadyExists", ErrorCode::kExists},
      {410, "Expired", ErrorCode::kExpired},         {422, "Invalid", ErrorCode::kInvalid},
      {429, "TooManyRequests", ErrorCode::kTooMany}, {500, "InternalError", ErrorCode::kUnavailable},
      {503, "Unavailable", ErrorCode::kUnavailable}, {504, "Timeout", ErrorCode::kTimeout},
      {413, "TooLarge", ErrorCode::kTooLarge},       {302, "", ErrorCode::kUnavailable}};
  for (const auto& [status, reason, code] : cases) {
    TestCluster cluster(
        [status = status, reason = reason](const http::Request&) { return TestCluster::Refusal(status, reason); });
    const auto refused = Client(cluster.At(), RealClock()).Get("/api/v1/things?limit=1");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, code) << status;
    EXPECT_EQ(refused.error().message, "GET /api/v1/things: answered " + std::to_string(status) + ": because");
  }
}

TEST(KubernetesClient, CutsALongRefusalBetweenCharacters) {
  std::string message = "x";
  for (int i = 0; i < 1000; ++i) message += "é";
  TestCluster cluster([&message](const http::Request&) {
    return TestCluster::Json(403, R"({"kind":"Status","reason":"Forbidden","message":")" + message + "\"}");
  });
  const auto refused = Client(cluster.At(), RealClock()).Get("/x");
  EXPECT_TRUE(IsUtf8(refused.error().message)) << "it goes on into statuses and Events";
  EXPECT_EQ(refused.error().message, "GET /x: answered 403: " + message.substr(0, 1023));
}

TEST(KubernetesClient, BelievesNo404ThatIsNotAStatus) {
  TestCluster cluster([](const http::Request&) { return TestCluster::Json(404, "404 page not found"); });
  EXPECT_EQ(Client(cluster.At(), RealClock()).Get("/x").error().code, ErrorCode::kUnavailable);
  TestCluster broken([](const http::Request&) { return TestCluster::Json(200, "<html>"); });
  EXPECT_EQ(Client(broken.At(), RealClock()).Get("/x").error().code, ErrorCode::kUnavailable);
  broken.Leave();
  EXPECT_EQ(Client(broken.At(), RealClock()).Get("/x").error().code, ErrorCode::kUnavailable);
}

class TokenFiles : public testing::Test {
 protected:
  TokenFiles() : path_(testing::TempDir() + "/asya-token-" + std::to_string(::getpid())) {}
  ~TokenFiles() override { ::unlink(path_.c_str()); }
  void Write(const std::string& token) const { std::ofstream(path_) << token << "\n"; }
  [[nodiscard]] Endpoint At(const TestCluster& cluster) const {
    Endpoint endpoint = cluster.At();
    endpoint.token_file = path_;
    return endpoint;
  }

  FakeClock clock_;
  std::string path_;
};

TEST_F(TokenFiles, AreReadAgainOnceAMinute) {
  TestCluster cluster([](const http::Request&) { return TestCluster::Json(200, "{}"); });
  Client client(At(cluster), clock_);
  EXPECT_EQ(client.Get("/x").error().code, ErrorCode::kUnauthorized) << "there is none";
  Write("one");
  ASSERT_TRUE(client.Get("/x").ok());
  Write("two");
  ASSERT_TRUE(client.Get("/x").ok());
  clock_.Advance(Client::kTokenAgeMax);
  ASSERT_TRUE(client.Get("/x").ok());
  Write("");
  clock_.Advance(Client::kTokenAgeMax);
  ASSERT_TRUE(client.Get("/x").ok()) << "while it is being written, the one before does";
  std::string seen;
  for (const auto& request : cluster.requests()) seen += HeaderOf(request, "Authorization") + " ";
  EXPECT_EQ(seen, "Bearer one Bearer one Bearer two Bearer two ");
}

TEST_F(TokenFiles, AreReadAtOnceAfterARefusal) {
  TestCluster cluster([](const http::Request& request) {
    return HeaderOf(request, "Authorization") == "Bearer new" ? TestCluster::Json(200, "{}")
                                                              : TestCluster::Refusal(401, "Unauthorized");
  });
  Client client(At(cluster), clock_);
  Write("old");
  EXPECT_EQ(client.Get("/x").error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(cluster.requests().size(), 1U) << "the same token is not tried twice";
  Write("new");
  EXPECT_TRUE(client.Get("/x").ok());
  EXPECT_EQ(cluster.requests().size(), 3U);
}

}  // namespace
}  // namespace asya::cluster::kubernetes
