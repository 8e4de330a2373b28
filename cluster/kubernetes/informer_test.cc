#include "cluster/kubernetes/informer.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>

#include "cluster/kubernetes/test_cluster.h"

namespace asya::cluster::kubernetes {
namespace {

std::string Map(const std::string& name, int version, const std::string& owner) {
  return R"({"metadata":{"namespace":"team","name":")" + name + R"(","resourceVersion":")" + std::to_string(version) +
         R"(","labels":{"asya.sh/owner-uid":")" + owner + R"("}}})";
}

std::string Event(const std::string& type, const std::string& name, int version, const std::string& owner) {
  std::string object = Map(name, version, owner);
  object.insert(1, R"("apiVersion":"v1","kind":"ConfigMap",)");
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

http::Response List(int version, const std::string& items, const std::string& next = "") {
  return TestCluster::Json(200, R"({"kind":"ConfigMapList","metadata":{"resourceVersion":")" + std::to_string(version) +
                                    R"(","continue":")" + next + R"("},"items":[)" + items + "]}");
}

// Answers lists and watches with what it was given, one after the other; a watch with nothing left to say is refused.
class Script {
 public:
  std::deque<http::Response> lists;
  std::deque<http::Response> watches;

  http::Response Answer(const http::Request& request) {
    const std::lock_guard lock(mutex_);
    if (request.path == "/apis") return TestCluster::Json(200, R"({"kind":"APIGroupList","groups":[]})");
    auto& rest = TestCluster::QueryOf(request).find("watch=true") == std::string::npos ? lists : watches;
    if (rest.empty()) return TestCluster::Refusal(503, "ServiceUnavailable");
    http::Response answer = std::move(rest.front());
    rest.pop_front();
    return answer;
  }

 private:
  std::mutex mutex_;
};

class InformerTest : public ::testing::Test {
 protected:
  void Start(Kind kind = {"v1", "ConfigMap", "configmaps"}) {
    client_.emplace(cluster_.At(), RealClock());
    informer_.emplace(std::move(kind), kOwnerLabel, Informer::Parts{*client_, cache_, RealClock(), random_, log_},
                      [this](const std::set<std::string>& owners) {
                        const std::lock_guard lock(mutex_);
                        told_.insert(owners.begin(), owners.end());
                        changed_.notify_all();
                      });
    informer_->Start();
  }
  ~InformerTest() override {
    if (informer_) informer_->Stop();
  }
  // Whether that owner is told of in time; forgets it.
  bool Told(const std::string& owner) {
    std::unique_lock lock(mutex_);
    const bool told = changed_.wait_for(lock, kPatience, [&] { return told_.count(owner) != 0; });
    told_.erase(owner);
    return told;
  }
  [[nodiscard]] std::string VersionOfMap(const std::string& name) const {
    const auto object = cache_.Find({"v1", "ConfigMap", "team", name});
    return object == nullptr ? "none" : MetadataOf(*object, "resourceVersion");
  }

  Script script_;
  TestCluster cluster_{[this](const http::Request& request) { return script_.Answer(request); }};
  ObjectCache cache_{[](const json::Value& object) { return LabelOf(object, kOwnerLabel); }};
  Random random_{7};
  observe::Logger log_ = observe::Logger::Silent();
  std::optional<Client> client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> told_;
  std::optional<Informer> informer_;
};

TEST_F(InformerTest, ListsInPagesAndThenFollows) {
  script_.lists = {List(10, Map("a", 3, "u1"), "next page"), List(10, Map("b", 4, "u2"))};
  script_.watches = {TestCluster::Json(
      200, Event("MODIFIED", "a", 11, "u1") + Event("ADDED", "c", 12, "u3") + Event("DELETED", "b", 13, "u2"))};
  Start();
  EXPECT_TRUE(Told("u3"));
  EXPECT_TRUE(Told("u2"));
  EXPECT_EQ(VersionOfMap("a"), "11");
  EXPECT_EQ(VersionOfMap("c"), "12");
  const auto requests = cluster_.requests();
  ASSERT_GE(requests.size(), 3U);
  EXPECT_EQ(TestCluster::QueryOf(requests[0]), "labelSelector=asya.sh/owner-uid&limit=500");
  EXPECT_EQ(TestCluster::QueryOf(requests[1]), "labelSelector=asya.sh/owner-uid&limit=500&continue=next page");
  EXPECT_EQ(
      TestCluster::QueryOf(requests[2]),
      "watch=true&allowWatchBookmarks=true&labelSelector=asya.sh/owner-uid&resourceVersion=10&timeoutSeconds=300");
}

// A thousand ConfigMaps with a runtime in each are 34 MB.
TEST_F(InformerTest, ListsFewerObjectsAPageWhereTheyAreLarge) {
  http::Response large = List(10, "");
  large.body.append(kAnswerBytesMax, ' ');
  script_.lists = {large, List(10, Map("a", 3, "u1"), "next page"), large, List(10, Map("b", 4, "u2"))};
  Start();
  EXPECT_TRUE(Told("u1"));
  EXPECT_EQ(VersionOfMap("a") + VersionOfMap("b"), "34");
  const auto requests = cluster_.requests();
  ASSERT_GE(requests.size(), 4U);
  EXPECT_EQ(TestCluster::QueryOf(requests[0]), "labelSelector=asya.sh/owner-uid&limit=500");
  EXPECT_EQ(TestCluster::QueryOf(requests[1]), "labelSelector=asya.sh/owner-uid&limit=125");
  EXPECT_EQ(TestCluster::QueryOf(requests[3]), "labelSelector=asya.sh/owner-uid&limit=31&continue=next page");
}

TEST_F(InformerTest, GoesOnFromTheLastBookmark) {
  script_.lists = {List(10, "")};
  script_.watches = {
      TestCluster::Json(200, R"({"type":"BOOKMARK","object":{"kind":"ConfigMap","metadata":{"resourceVersion":"40"}}})"
                             "\n"),
      TestCluster::Json(200, Event("ADDED", "a", 41, "u1"))};
  Start();
  EXPECT_TRUE(Told("u1"));
  const auto requests = cluster_.requests();
  EXPECT_NE(TestCluster::QueryOf(requests[2]).find("resourceVersion=40&"), std::string::npos)
      << TestCluster::QueryOf(requests[2]);
}

TEST_F(InformerTest, ListsAnewWhereHistoryIsGone) {
  script_.lists = {List(10, Map("a", 3, "u1")), List(90, Map("a", 80, "u1"))};
  script_.watches = {TestCluster::Json(
      200, R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}})"
           "\n")};
  Start();
  // Both may have been told before the first wait.
  while (VersionOfMap("a") != "80") ASSERT_TRUE(Told("u1"));
}

TEST_F(InformerTest, ListsAnewAfterAnythingThatIsNoEvent) {
  script_.lists = {List(10, Map("a", 3, "u1")), List(20, Map("a", 11, "u1")), List(30, Map("a", 21, "u1"))};
  script_.watches = {TestCluster::Json(200, "<html>\n"), TestCluster::Json(200, "{\"type\":\"ADDED\"}\n")};
  Start();
  while (VersionOfMap("a") != "21") ASSERT_TRUE(Told("u1"));
}

TEST_F(InformerTest, IsNotReadyBeforeTheFirstList) {
  script_.lists = {TestCluster::Refusal(403, "Forbidden"), List(10, Map("a", 3, "u1"))};
  Start();
  EXPECT_TRUE(Told("u1"));
  EXPECT_TRUE(informer_->Ready().ok());
}

TEST_F(InformerTest, AnOptionalKindThatIsNotServedIsNone) {
  script_.lists = {TestCluster::Json(404, "404 page not found")};
  Start({"keda.sh/v1alpha1", "ScaledObject", "scaledobjects", true});
  EXPECT_TRUE(Becomes([this] { return informer_->Ready().ok(); }));
}

TEST_F(InformerTest, AKindThatHasToBeServedIsMissed) {
  script_.lists = {TestCluster::Refusal(404, "NotFound"), List(10, Map("a", 3, "u1"))};
  Start();
  EXPECT_TRUE(Told("u1"));
}

}  // namespace
}  // namespace asya::cluster::kubernetes
