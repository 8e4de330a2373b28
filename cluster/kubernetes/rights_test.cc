#include "cluster/kubernetes/rights.h"

#include <gtest/gtest.h>

#include "cluster/kubernetes/test_cluster.h"

namespace asya::cluster::kubernetes {
namespace {

constexpr const char* kCore = R"({"verbs":["create","get","patch"],"apiGroups":[""],"resources":["configmaps"]})";

class RightsTest : public ::testing::Test {
 protected:
  // What is said of a ConfigMap and a Deployment where the cluster answers so; empty: they may be made.
  std::string Said(const std::string& status) {
    answer_ = TestCluster::Json(201, R"({"kind":"SelfSubjectRulesReview","status":)" + status + "}");
    return Said();
  }
  std::string Said() {
    const auto object = [](const char* version, const char* kind) {
      return json::Value(json::Object{{"apiVersion", version},
                                      {"kind", kind},
                                      {"metadata", json::Object{{"name", "echo"}, {"namespace", "team"}}}});
    };
    const Status may = CheckRights(client_, {object("v1", "ConfigMap"), object("apps/v1", "Deployment")});
    EXPECT_TRUE(may.ok() || may.error().code == ErrorCode::kForbidden);
    return may.ok() ? "" : may.error().message;
  }
  static std::string Rules(const std::string& deployments) {
    return std::string(R"({"incomplete":false,"resourceRules":[)") + kCore + "," + deployments + "]}";
  }

  http::Response answer_;
  TestCluster fake_{[this](const http::Request&) { return answer_; }};
  Client client_{fake_.At(), RealClock()};
};

TEST_F(RightsTest, AreThoseOfTheRulesThatApply) {
  EXPECT_EQ(Said(Rules(R"({"verbs":["create","patch"],"apiGroups":["apps"],"resources":["deployments"]})")), "");
  EXPECT_EQ(Said(Rules(R"({"verbs":["*"],"apiGroups":["*"],"resources":["*"]})")), "");
  EXPECT_EQ(Said(Rules(R"({"verbs":["create"],"apiGroups":["apps"],"resources":["deployments"]},
                          {"verbs":["patch"],"apiGroups":["apps"],"resources":["deployments"]})")),
            "");
  const http::Request request = fake_.requests().back();
  EXPECT_EQ(request.method + " " + request.path, "POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews");
  EXPECT_NE(request.body.find(R"("spec":{"namespace":"team"})"), std::string::npos);
}

TEST_F(RightsTest, NameTheFirstObjectThatMayNotBeMade) {
  const std::string said =
      R"(Deployment echo: the server cannot create resource "deployments" in API group "apps" in the namespace "team")";
  EXPECT_EQ(Said(Rules(R"({"verbs":["get"],"apiGroups":["apps"],"resources":["deployments"]})")), said);
  EXPECT_EQ(Said(Rules(R"({"verbs":["*"],"apiGroups":["apps"],"resources":["deployments"],"resourceNames":["a"]})")),
            said);
  EXPECT_EQ(Said(Rules(R"({"verbs":["*"],"apiGroups":["batch"],"resources":["deployments"]})")), said);
}

TEST_F(RightsTest, AreLeftToTheTryWhereTheClusterDoesNotTellAllOfThem) {
  EXPECT_EQ(Said(R"({"incomplete":true,"resourceRules":[]})"), "");
  EXPECT_EQ(Said("{}"), "");
  answer_ = TestCluster::Refusal(403, "Forbidden");
  EXPECT_EQ(Said(), "");
}

}  // namespace
}  // namespace asya::cluster::kubernetes
