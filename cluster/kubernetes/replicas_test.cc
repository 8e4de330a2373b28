// The replicas of a Deployment: which pods count, and how their count is set.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>

#include "cluster/kubernetes/kubernetes_cluster.h"
#include "cluster/kubernetes/pod_load.h"
#include "cluster/kubernetes/test_cluster.h"

namespace asya::cluster::kubernetes {
namespace {

const ports::ResourceRef kEcho{"apps/v1", "Deployment", "team", "echo"};

// A Deployment of two, one of whose pods runs, beside one that was evicted and one that has ended; and one of two amid
// a rollout.
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
  // Of the Deployment amid a rollout: with so many envelopes in work, ready or not.
  static std::string Rolled(const std::string& name, int in_flight, const std::string& ready) {
    const json::Object load{{kBusyUntil, FormatRfc3339(RealClock().Now() + kRenewBefore)},
                            {kDeletionCost, std::to_string(in_flight)}};
    const json::Object labels{{"app.kubernetes.io/name", "rolled"}, {"asya.sh/actor", "rolled"}};
    const json::Object condition{{"type", "Ready"}, {"status", ready}};
    return json::Dump(
        json::Object{{"metadata", json::Object{{"name", name},
                                               {"namespace", "team"},
                                               {"resourceVersion", "4"},
                                               {"annotations", in_flight == 0 ? json::Object{} : load},
                                               {"labels", labels}}},
                     {"status", json::Object{{"phase", "Running"}, {"conditions", json::Array{condition}}}}});
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
      items += "," + Rolled("old-1", 0, "True") + "," + Rolled("new-1", 2, "True") + "," + Rolled("new-2", 0, "False") +
               "," + Rolled("old-2", 1, "True");
    } else if (request.path == "/apis/apps/v1/deployments") {
      items = R"({"metadata":{"name":"echo","namespace":"team","resourceVersion":"3"},"spec":{"replicas":2}},)"
              R"({"metadata":{"name":"rolled","namespace":"team","resourceVersion":"3"},"spec":{"replicas":2}})";
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

TEST_F(ReplicasTest, BeyondTheCountThatIsAskedForAreToGo) {
  const auto replicas = cluster_.Replicas({"apps/v1", "Deployment", "team", "rolled"});
  ASSERT_TRUE(replicas.ok());
  std::set<std::string> staying;
  for (const auto& replica : *replicas) {
    if (!replica.draining) staying.insert(replica.name);
  }
  EXPECT_EQ(replicas->size(), 4U);
  EXPECT_EQ(staying, (std::set<std::string>{"new-1", "old-2"})) << "else each rollout keeps a pod more";
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
