#include "cluster/kubernetes/kubernetes_dry_run.h"

#include <gtest/gtest.h>

#include "cluster/kubernetes/child_kinds.h"
#include "cluster/kubernetes/test_cluster.h"

namespace asya::cluster::kubernetes {
namespace {

json::Value ConfigMap(const std::string& owner, const std::string& value) {
  return json::Object{
      {"apiVersion", "v1"},
      {"kind", "ConfigMap"},
      {"metadata", json::Object{{"name", "echo"},
                                {"namespace", "team"},
                                {"labels", json::Object{{kOwnerLabel, owner}, {"app.kubernetes.io/name", "echo"}}}}},
      {"data", json::Object{{"mode", value}}}};
}

// A cluster without KEDA that has one ConfigMap, or none.
class DryRunTest : public ::testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    if (request.path == "/apis") return TestCluster::Json(200, R"({"kind":"APIGroupList","groups":[]})");
    if (request.method == "PATCH") {
      json::Value after = json::Parse(request.body).value();
      after["data"]["defaulted"] = "yes";
      return TestCluster::Json(200, json::Dump(after));
    }
    if (request.path.ends_with("/echo")) {
      return stored_.IsNull() ? TestCluster::Refusal(404, "NotFound") : TestCluster::Json(200, json::Dump(stored_));
    }
    json::Array items;
    if (request.path.ends_with("/configmaps") && !stored_.IsNull()) {
      items.push_back(json::Object{{"metadata", *stored_.Find("metadata")}});
    }
    return TestCluster::Json(200, json::Dump(json::Object{{"kind", "List"}, {"items", std::move(items)}}));
  }

  json::Value stored_;
  TestCluster fake_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{fake_.At(), RealClock()};
  KubernetesDryRun dry_run_{client_, true};
};

TEST_F(DryRunTest, AsksForADryRunOfTheSameApply) {
  stored_ = ConfigMap("u1", "slow");
  stored_["metadata"]["uid"] = "child-1";
  const auto tried = dry_run_.Try(ConfigMap("u1", "quick"), "asya");
  ASSERT_TRUE(tried.ok()) << tried.error().message;
  EXPECT_EQ(tried->before.FindPath({"data", "mode"})->AsString(), "slow");
  EXPECT_EQ(tried->after.FindPath({"data", "mode"})->AsString(), "quick");
  EXPECT_EQ(tried->after.FindPath({"data", "defaulted"})->AsString(), "yes") << "what the cluster makes of it";
  const http::Request request = fake_.requests().back();
  EXPECT_EQ(request.path, "/api/v1/namespaces/team/configmaps/echo");
  EXPECT_EQ(TestCluster::QueryOf(request), "force=true&fieldManager=asya&dryRun=All");
  EXPECT_NE(request.body.find(R"("uid":"child-1")"), std::string::npos) << "of no other object of that name";
  EXPECT_NE(request.body.find(R"("blockOwnerDeletion":true)"), std::string::npos);
  for (const auto& sent : fake_.requests()) {
    EXPECT_TRUE(sent.method == "GET" || TestCluster::QueryOf(sent).ends_with("dryRun=All")) << sent.method;
  }
}

TEST_F(DryRunTest, TakesACountThatIsGivenNoMoreForTheOneThatStays) {
  stored_ = ConfigMap("u1", "slow");
  stored_["apiVersion"] = "apps/v1";
  stored_["kind"] = "Deployment";
  json::Value wanted = stored_;
  stored_["spec"]["replicas"] = 5;
  stored_["metadata"]["managedFields"] =
      json::Parse(R"([{"manager":"asya","operation":"Apply","fieldsV1":{"f:spec":{"f:replicas":{}}}}])").value();
  const auto tried = dry_run_.Try(wanted, "asya");
  ASSERT_TRUE(tried.ok()) << tried.error().message;
  const json::Value* replicas = tried->after.FindPath({"spec", "replicas"});
  ASSERT_NE(replicas, nullptr);
  EXPECT_EQ(*replicas, json::Value(5));
}

TEST_F(DryRunTest, TellsWhatIsNotThereYet) {
  const auto tried = dry_run_.Try(ConfigMap("u1", "quick"), "asya");
  ASSERT_TRUE(tried.ok()) << tried.error().message;
  EXPECT_TRUE(tried->before.IsNull());
  EXPECT_EQ(fake_.requests().back().body.find(R"("uid":"child)"), std::string::npos);
}

TEST_F(DryRunTest, IsRefusedByWhatAnApplyIsRefusedBy) {
  stored_ = ConfigMap("", "theirs");
  const auto taken = dry_run_.Try(ConfigMap("u1", "quick"), "asya");
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().message,
            "there is a ConfigMap team/echo already, which nobody gave to an actor; rename the actor, or delete it");
  json::Value scaled = ConfigMap("u1", "");
  scaled["apiVersion"] = "keda.sh/v1alpha1";
  scaled["kind"] = "ScaledObject";
  const auto missing = dry_run_.Try(scaled, "asya");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("install KEDA"), std::string::npos) << missing.error().message;
}

TEST_F(DryRunTest, FindsTheChildrenOfAnOwnerByItsLabel) {
  stored_ = ConfigMap("u1", "slow");
  const auto children = dry_run_.Children("team", "u1");
  ASSERT_TRUE(children.ok()) << children.error().message;
  ASSERT_EQ(children->size(), 1U);
  EXPECT_EQ((*children)[0].ref, (ports::ResourceRef{"v1", "ConfigMap", "team", "echo"}));
  EXPECT_EQ((*children)[0].object.GetString("kind"), "ConfigMap") << "a list leaves it out";
  for (const auto& request : fake_.requests()) {
    if (request.path == "/apis") continue;
    EXPECT_TRUE(request.path.find("/namespaces/team/") != std::string::npos) << request.path;
    EXPECT_EQ(TestCluster::QueryOf(request), "labelSelector=asya.sh/owner-uid=u1");
  }
}

}  // namespace
}  // namespace asya::cluster::kubernetes
