#include "server/pod_watchdog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cluster/kubernetes/test_cluster.h"
#include "core/json/parse.h"

namespace asya::server {
namespace {

using cluster::kubernetes::TestCluster;

constexpr const char* kBefore = "2026-01-01T00:00:00Z";
constexpr const char* kSince = "2026-01-01T00:00:01Z";
constexpr const char* kAfter = "2026-01-01T00:00:02Z";

class ToldEvents final : public ports::EventRecorder {
 public:
  void Tell(const json::Value& object, bool /*is_warning*/, const std::string& reason,
            const std::string& /*message*/) override {
    all.push_back(object.FindPath({"metadata", "name"})->AsString() + " " + reason);
  }
  std::vector<std::string> all;
};

// A cluster with pods and, maybe, the configuration of the webhook.
class PodWatchdogTest : public testing::Test {
 protected:
  void SetUp() override { watchdog_.Follow(); }
  void TearDown() override {
    client_.Cancel();
    watchdog_.Stop();
  }

  // Made, or changed, by somebody.
  void Put(const std::string& name, const std::string& made_at, bool has_relay, bool is_ready = true) {
    const std::lock_guard lock(mutex_);
    const std::string relay = R"("initContainers":[{"name":"asya-relay","restartPolicy":"Always"}],)";
    events_ += R"({"type":"MODIFIED","object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name +
               R"(","namespace":"n","uid":"uid-)" + name + R"(","creationTimestamp":")" + made_at +
               R"(","resourceVersion":")" + std::to_string(++version_) +
               R"(","labels":{"asya.sh/inject":"true","asya.sh/actor":"llm"},"ownerReferences":)" +
               R"([{"kind":"ReplicaSet","name":"vllm-1","controller":true}]},"spec":{)" + (has_relay ? relay : "") +
               R"("containers":[{"name":"vllm"}]},"status":{"phase":"Running","conditions":[{"type":"Ready",)" +
               R"("status":")" + (is_ready ? "True" : "False") + "\"}]}}}\n";
  }
  // Until the watch has told of so many; the test's own limit of time ends one that never does.
  void Known(std::size_t pods, std::size_t without_relay) {
    for (;;) {
      const ports::BoundCount count = watchdog_.Count("n", "llm");
      if (watchdog_.Ready().ok() && count.pods == pods && count.without_relay == without_relay) return;
      std::this_thread::yield();
    }
  }
  std::vector<std::string> Evicted() {
    const std::lock_guard lock(mutex_);
    return evicted_;
  }

  http::Response Answer(const http::Request& request) {
    const std::lock_guard lock(mutex_);
    if (request.path.ends_with("/eviction")) {
      if (held_) return TestCluster::Refusal(429, "TooManyRequests");
      const json::Value eviction = json::Parse(request.body).value();
      evicted_.push_back(eviction.FindPath({"deleteOptions", "preconditions", "uid"})->AsString());
      return TestCluster::Json(201, "{}");
    }
    if (request.path.find("/mutatingwebhookconfigurations/asya-injection") != std::string::npos) {
      if (!installed_) return TestCluster::Refusal(404, "NotFound");
      return TestCluster::Json(200, R"({"metadata":{"creationTimestamp":")" + std::string(kSince) +
                                        R"("},"webhooks":[{"name":"inject.pods.asya.sh",)"
                                        R"("clientConfig":{"caBundle":"Cg=="}}]})");
    }
    if (request.Query("watch")) return TestCluster::Json(200, std::exchange(events_, ""));
    EXPECT_EQ(request.Query("labelSelector"), "asya.sh/inject=true");
    return TestCluster::Json(200, R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},)"
                                  R"("items":[]})");
  }

  std::mutex mutex_;
  std::string events_;
  int version_ = 10;
  bool installed_ = true;
  bool held_ = false;
  std::vector<std::string> evicted_;
  TestCluster cluster_{[this](const http::Request& request) { return Answer(request); }};
  cluster::kubernetes::Client client_{cluster_.At(), RealClock()};
  Status again_ = Ok();
  ToldEvents told_;
  FakeClock clock_;
  observe::Metrics metrics_;
  PodWatchdog watchdog_{{client_, "asya-system", [this](const json::Value&) { return again_; }, told_, clock_,
                         observe::Logger::Silent(), metrics_}};
};

using All = std::vector<std::string>;

TEST_F(PodWatchdogTest, TellsOnceOfAPodThatIsYoungerThanTheWebhook) {
  Put("young", kAfter, false);
  Put("whole", kAfter, true);
  Known(2, 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(watchdog_.Look().ok());
  EXPECT_EQ(told_.all, All{"young RelayMissing"});
  EXPECT_EQ(Evicted(), All{}) << "whatever let it pass may let the next one pass";
  const std::string text = metrics_.Text();
  EXPECT_NE(text.find("asya_pods_without_relay 1"), std::string::npos) << text;
  EXPECT_NE(text.find("asya_pods_without_relay_found_total 1"), std::string::npos) << text;
}

TEST_F(PodWatchdogTest, CountsThoseThatAreReadyWithTheirRelay) {
  Put("loading", kAfter, true, false);
  Put("slipped", kAfter, false, true);
  Put("whole", kAfter, true, true);
  Known(3, 1);
  EXPECT_EQ(watchdog_.Count("n", "llm").ready, 1U);
}

TEST_F(PodWatchdogTest, EvictsOneOfAnActorAtATime) {
  Put("a", kBefore, false);
  Put("b", kBefore, false);
  Known(2, 2);
  ASSERT_TRUE(watchdog_.Look().ok());
  EXPECT_EQ(told_.all, (All{"a RelayReplaced", "b RelayReplaced"}));
  EXPECT_EQ(Evicted(), All{"uid-a"});
  Put("a", kAfter, true, false);
  Known(2, 1);
  clock_.Advance(PodWatchdog::kEvictionPause);
  ASSERT_TRUE(watchdog_.Look().ok());
  EXPECT_EQ(Evicted(), All{"uid-a"}) << "the one that came in its place is not ready";
  Put("a", kAfter, true, true);
  while (Evicted().size() < 2) ASSERT_TRUE(watchdog_.Look().ok());
  EXPECT_EQ(Evicted(), (All{"uid-a", "uid-b"}));
  ASSERT_TRUE(watchdog_.Look().ok());
  EXPECT_EQ(Evicted().size(), 2U) << "a pause lies between two";
}

TEST_F(PodWatchdogTest, LeavesAloneWhatWouldComeBackWithoutARelayOrNotAtAll) {
  Put("a", kBefore, false);
  Known(1, 1);
  again_ = Fail(ErrorCode::kUnavailable, "not read yet");
  EXPECT_FALSE(watchdog_.Look().ok());
  EXPECT_EQ(told_.all, All{});
  again_ = Invalid("", "there is no AsyncActor");
  ASSERT_TRUE(watchdog_.Look().ok());
  again_ = Ok();
  installed_ = false;
  ASSERT_TRUE(watchdog_.Look().ok());
  EXPECT_EQ(told_.all, (All{"a RelayRefused", "a WebhookMissing"}));
  EXPECT_EQ(Evicted(), All{});
  installed_ = true;
  ASSERT_TRUE(watchdog_.Look().ok());
  EXPECT_EQ(Evicted(), All{"uid-a"});
}

TEST_F(PodWatchdogTest, WaitsForWhoHoldsAnEviction) {
  Put("a", kBefore, false);
  Known(1, 1);
  held_ = true;
  ASSERT_TRUE(watchdog_.Look().ok());
  ASSERT_TRUE(watchdog_.Look().ok());
  EXPECT_EQ(told_.all, (All{"a RelayReplaced", "a EvictionHeld"}));
  EXPECT_NE(metrics_.Text().find(R"(asya_pod_evictions_total{result="held"} 1)"), std::string::npos) << metrics_.Text();
}

TEST_F(PodWatchdogTest, SaysWhichActorItIsAbout) {
  std::mutex mutex;
  std::string heard;
  const auto subscription = watchdog_.Subscribe([&](const std::string& namespace_, const std::string& actor) {
    const std::lock_guard lock(mutex);
    heard = namespace_ + " " + actor;
  });
  Put("a", kBefore, false);
  for (;;) {
    const std::lock_guard lock(mutex);
    if (heard == "n llm") break;
  }
  EXPECT_EQ(watchdog_.Count("n", "other").pods, 0U);
}

}  // namespace
}  // namespace asya::server
