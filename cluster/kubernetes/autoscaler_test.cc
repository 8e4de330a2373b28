#include "cluster/kubernetes/autoscaler.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "cluster/kubernetes/test_cluster.h"

namespace asya::cluster::kubernetes {
namespace {

json::Value Hpa(const std::string& conditions) {
  return json::Parse(R"({"metadata":{"name":"keda-hpa-infer"},"status":{"currentReplicas":1,"desiredReplicas":3,
    "conditions":[)" +
                     conditions + "]}}")
      .value();
}

constexpr const char* kAble = R"({"type":"AbleToScale","status":"True","reason":"ReadyForNewScale"})";
constexpr const char* kNoMetric = R"({"type":"ScalingActive","status":"False","reason":"FailedGetExternalMetric",
  "message":"unable to get external metric: no matching metrics found"})";

TEST(AutoscalerOf, WorksWhereItIsAbleToAndHasItsNumbers) {
  const auto read = AutoscalerOf(Hpa(std::string(kAble) + R"(,{"type":"ScalingActive","status":"True"})"));
  EXPECT_EQ(read.name, "keda-hpa-infer");
  EXPECT_EQ(read.works, true);
  EXPECT_EQ(read.replicas, 1);
  EXPECT_EQ(read.desired, 3);
  EXPECT_EQ(read.reason, "");
}

TEST(AutoscalerOf, TellsWhatKeepsItFromWorking) {
  const auto blind = AutoscalerOf(Hpa(std::string(kAble) + "," + kNoMetric));
  EXPECT_EQ(blind.works, false);
  EXPECT_EQ(blind.reason, "FailedGetExternalMetric");
  EXPECT_EQ(blind.message, "unable to get external metric: no matching metrics found");
  const auto unable = AutoscalerOf(Hpa(std::string(R"({"type":"AbleToScale","status":"False","reason":"FailedGetScale",
    "message":"deployments.apps \"infer\" not found"},)") +
                                       kNoMetric));
  EXPECT_EQ(unable.reason, "FailedGetScale");
}

TEST(AutoscalerOf, IsWellWhereItIsSwitchedOffAtZero) {
  EXPECT_EQ(AutoscalerOf(Hpa(R"({"type":"ScalingActive","status":"False","reason":"ScalingDisabled"})")).works, true);
}

TEST(AutoscalerOf, IsUnknownUntilItHasLooked) {
  EXPECT_EQ(AutoscalerOf(json::Parse(R"({"metadata":{"name":"new"}})").value()).works, std::nullopt);
  EXPECT_EQ(AutoscalerOf(Hpa("")).works, std::nullopt);
}

// A cluster that has these objects, by the last part of their path.
class FoundAutoscaler : public testing::Test {
 protected:
  Result<std::optional<ports::Autoscaler>> Find() {
    const TestCluster cluster([this](const http::Request& request) {
      const auto it = objects_.find(request.path.substr(request.path.rfind('/') + 1));
      return it == objects_.end() ? TestCluster::Refusal(404, "NotFound") : TestCluster::Json(200, it->second);
    });
    Client client(cluster.At(), RealClock());
    return FindAutoscaler(client, "vision", "infer");
  }

  std::map<std::string, std::string> objects_;
};

TEST_F(FoundAutoscaler, IsTheOneThatKedaNames) {
  objects_ = {{"infer", R"({"status":{"hpaName":"mine"}})"}, {"mine", json::Dump(Hpa(kNoMetric))}};
  const auto found = Find();
  ASSERT_TRUE(found.ok()) << found.error().message;
  ASSERT_TRUE(found.value());
  EXPECT_EQ(found.value()->works, false);
}

TEST_F(FoundAutoscaler, IsNoneWhereKedaHasNoneNow) {
  EXPECT_FALSE(Find().value()) << "there is no ScaledObject";
  objects_ = {{"infer", R"({"metadata":{}})"}};
  EXPECT_FALSE(Find().value()) << "KEDA has not looked at it";
  objects_ = {{"infer", R"({"status":{"hpaName":"mine","conditions":[{"type":"Paused","status":"True"}]}})"}};
  EXPECT_FALSE(Find().value()) << "it is paused";
}

TEST_F(FoundAutoscaler, DoesNotWorkWhereItIsGone) {
  objects_ = {{"infer", R"({"status":{"hpaName":"mine"}})"}};
  const auto found = Find();
  ASSERT_TRUE(found.ok() && found.value());
  EXPECT_EQ(found.value()->works, false);
  EXPECT_EQ(found.value()->reason, "Missing");
}

}  // namespace
}  // namespace asya::cluster::kubernetes
