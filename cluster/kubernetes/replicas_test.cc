// The replicas of a Deployment: which pods count, and how their count is set.
#include <gtest/gtest.h>

#include <thread>

#include "cluster/kubernetes/kubernetes_cluster.h"
#include "cluster/kubernetes/test_cluster.h"

namespace asya::cluster::kubernetes {
namespace {

const ports::ResourceRef kEcho{"apps/v1", "Deployment", "team", "echo"};

// A Deployment of two, one of whose pods runs, beside one that was evicted and one that has ended.
class ReplicasTest : public ::testing::Test {
 protected:
  ReplicasTest() {
    cluster_.Start();
    EXPECT_TRUE(Becomes([this] { return cluster_.Ready().ok(); }));
  }

  static std::string Pod(const std::string& name, const std::string& phase) {
    return R"({"metadata":{"name":")" + name + R"(","namespace":"team","resourceVersion":"4",)" +
           R"("labels":{"app.kubernetes.io/name":"echo","asya.sh/actor":"echo"}},"status":{"phase":")" + phase +
           R"("}})";
  }
  static http::Response Answer(const http::Request& request) {
    if (request.path == "/apis") return TestCluster::Json(200, R"({"kind":"APIGroupList","groups":[]})");
    if (request.method == "PATCH") return TestCluster::Json(200, "{}");
    if (TestCluster::QueryOf(request).find("watch=true") != std::string::npos)
      return TestCluster::Refusal(503, "ServiceUnavailable");
    if (request.path.find("keda.sh") != std::string::npos) return TestCluster::Json(404, "404 page not found");
    std::string items;
    if (request.path == "/api/v1/pods") {
      items = Pod("echo-1", "Failed") + "," + Pod("echo-2", "Running") + "," + Pod("echo-3", "Succeeded");
    } else if (request.path == "/apis/apps/v1/deployments") {
      items = R"({"metadata":{"name":"echo","namespace":"team","resourceVersion":"3"},"spec":{"replicas":2}})";
    }
    return TestCluster::Json(200, R"({"metadata":{"resourceVersion":"5"},"items":[)" + items + "]}");
  }
  [[nodiscard]] std::size_t Scales() const {
    std::size_t count = 0;
    for (const auto& request : fake_.requests()) count += request.method == "PATCH" ? 1 : 0;
    return count;
  }

  TestCluster fake_{[](const http::Request& request) { return Answer(request); }};
  Client client_{fake_.At(), RealClock()};
  KubernetesCluster cluster_{client_, KubernetesSettings{}, RealClock(), observe::Logger::Silent()};
};

TEST_F(ReplicasTest, AreNotThePodsThatHaveEnded) {
  const auto replicas = cluster_.Replicas(kEcho);
  ASSERT_TRUE(replicas.ok());
  ASSERT_EQ(replicas->size(), 1U);
  EXPECT_EQ(replicas->front().name, "echo-2");
}

TEST_F(ReplicasTest, ACountIsSetOnce) {
  EXPECT_TRUE(cluster_.Scale(kEcho, 2).ok());
  EXPECT_EQ(Scales(), 0U) << "it is asked for already";
  EXPECT_TRUE(cluster_.Scale(kEcho, 3).ok());
  EXPECT_EQ(Scales(), 1U);
  EXPECT_TRUE(cluster_.Scale({"apps/v1", "Deployment", "team", "of-others"}, 2).ok());
  EXPECT_EQ(Scales(), 2U) << "of one that is not followed nothing is known";
}

}  // namespace
}  // namespace asya::cluster::kubernetes
