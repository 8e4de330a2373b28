// What relays tell of their work, on its way to the pods of a cluster and back.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "cluster/kubernetes/kubernetes_cluster.h"
#include "cluster/kubernetes/pod_load.h"
#include "cluster/kubernetes/test_cluster.h"

namespace asya::cluster::kubernetes {
namespace {

const ports::ResourceRef kEcho{"apps/v1", "Deployment", "team", "echo"};

// One pod of one actor.
class NoteLoadTest : public ::testing::Test {
 protected:
  NoteLoadTest() {
    cluster_.Start();
    EXPECT_TRUE(Becomes([this] { return cluster_.Ready().ok(); }));
  }

  static http::Response List(const std::string& items) {
    return TestCluster::Json(200, R"({"metadata":{"resourceVersion":"5"},"items":[)" + items + "]}");
  }
  static std::string Pod(const std::string& version, const std::string& annotations) {
    return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"echo-1","namespace":"team","uid":"p1",)"
           R"("resourceVersion":")" +
           version + R"(","annotations":)" + annotations +
           R"(,"labels":{"app.kubernetes.io/name":"echo","asya.sh/actor":"echo"}},"status":{}})";
  }
  http::Response Answer(const http::Request& request) {
    if (request.path == "/apis") return TestCluster::Json(200, R"({"kind":"APIGroupList","groups":[]})");
    if (request.method == "PATCH") {
      if (refusal_ != 0) return TestCluster::Refusal(refusal_, "Refused");
      const auto patch = json::Parse(request.body).value();
      return TestCluster::Json(200, Pod("7", json::Dump(*patch.FindPath({"metadata", "annotations"}))));
    }
    if (TestCluster::QueryOf(request).find("watch=true") != std::string::npos)
      return TestCluster::Refusal(503, "ServiceUnavailable");
    if (request.path.find("keda.sh") != std::string::npos) return TestCluster::Json(404, "404 page not found");
    return List(request.path == "/api/v1/pods" ? Pod("4", "{}") : "");
  }
  [[nodiscard]] std::vector<http::Request> Patches() const {
    std::vector<http::Request> sent;
    for (const auto& request : fake_.requests()) {
      if (request.method == "PATCH") sent.push_back(request);
    }
    return sent;
  }

  std::atomic<int> refusal_ = 0;
  TestCluster fake_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{fake_.At(), RealClock()};
  KubernetesCluster cluster_{client_, KubernetesSettings{true}, RealClock(), observe::Logger::Silent()};
};

TEST_F(NoteLoadTest, IsWrittenByTheStatusOfThePodAndSeenByWhoCounts) {
  EXPECT_EQ(cluster_.Replicas(kEcho)->front().in_flight, 0);
  EXPECT_TRUE(cluster_.NoteLoad("team", "echo-1", 2).value());
  ASSERT_EQ(Patches().size(), 1U);
  EXPECT_EQ(Patches()[0].path, "/api/v1/namespaces/team/pods/echo-1/status");
  EXPECT_EQ(Patches()[0].headers.Get("Content-Type"), "application/merge-patch+json");
  const auto patch = json::Parse(Patches()[0].body).value();
  EXPECT_EQ(*patch.FindPath({"metadata", "uid"}), json::Value("p1")) << "of no other pod of that name";
  EXPECT_EQ(*patch.FindPath({"metadata", "annotations", kDeletionCost}), json::Value("2"));
  EXPECT_EQ(cluster_.Replicas(kEcho)->front().in_flight, 2);
  EXPECT_FALSE(cluster_.NoteLoad("team", "echo-1", 2).value());
  EXPECT_TRUE(cluster_.NoteLoad("team", "echo-1", 0).value());
  EXPECT_EQ(Patches().size(), 2U);
}

TEST_F(NoteLoadTest, NothingIsWrittenOfAPodThatIsNotOurs) {
  EXPECT_FALSE(cluster_.NoteLoad("team", "other", 2).value());
  EXPECT_FALSE(cluster_.NoteLoad("others", "echo-1", 2).value());
  EXPECT_FALSE(cluster_.NoteLoad("team", "echo-1", 0).value()) << "it says so already";
  EXPECT_TRUE(Patches().empty());
}

TEST_F(NoteLoadTest, APodThatIsGoneIsNoFailureAndAMissingRightIs) {
  for (const int gone : {404, 422}) {
    refusal_ = gone;
    const auto written = cluster_.NoteLoad("team", "echo-1", 1);
    ASSERT_TRUE(written.ok()) << gone << " " << written.error().message;
    EXPECT_FALSE(*written);
  }
  refusal_ = 403;
  EXPECT_EQ(cluster_.NoteLoad("team", "echo-1", 1).error().code, ErrorCode::kForbidden);
}

}  // namespace
}  // namespace asya::cluster::kubernetes
