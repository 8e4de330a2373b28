#include "cluster/kubernetes/kubernetes_cluster.h"

#include <gtest/gtest.h>

#include <atomic>

#include "cluster/kubernetes/test_cluster.h"

namespace asya::cluster::kubernetes {
namespace {

json::Value Account(const std::string& owner) {
  return json::Object{
      {"apiVersion", "v1"},
      {"kind", "ServiceAccount"},
      {"metadata", json::Object{{"name", "echo"},
                                {"namespace", "team"},
                                {"labels", json::Object{{kOwnerLabel, owner}, {"app.kubernetes.io/name", "echo"}}}}}};
}

constexpr const char* kCountAlone =
    R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"echo","namespace":"team",)"
    R"("resourceVersion":"101"},"spec":{"replicas":3}})";

// Lists that are empty, watches that break off, and one ServiceAccount that may be there.
class ClusterTest : public ::testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    if (request.path == "/apis") return TestCluster::Json(200, R"({"kind":"APIGroupList","groups":[]})");
    if (request.method == "POST") return TestCluster::Json(rules_.empty() ? 404 : 201, rules_);
    if (request.path.find("/namespaces/") == std::string::npos) {
      if (TestCluster::QueryOf(request).find("watch=true") != std::string::npos) {
        const std::lock_guard lock(mutex_);
        if (request.path != "/api/v1/serviceaccounts" || told_.empty())
          return TestCluster::Refusal(503, "ServiceUnavailable");
        return TestCluster::Json(200, std::exchange(told_, ""));
      }
      if (request.path.find("keda.sh") != std::string::npos) return TestCluster::Json(404, "404 page not found");
      const bool accounts = request.path == "/api/v1/serviceaccounts";
      return TestCluster::Json(200, R"({"metadata":{"resourceVersion":"5"},"items":)" +
                                        json::Dump(accounts ? listed_ : json::Value(json::Array{})) + "}");
    }
    const std::lock_guard lock(mutex_);
    if (request.method == "PATCH") {
      const bool initial = TestCluster::QueryOf(request).find("asya-initial") != std::string::npos;
      if (std::exchange(refuses_patch_, false)) return TestCluster::Refusal(409, "Conflict");
      if (initial && std::exchange(changed_meanwhile_, false)) return TestCluster::Refusal(409, "Conflict");
      stored_ = json::Parse(request.body).value();
      stored_["metadata"]["resourceVersion"] = std::to_string(++version_);
      stored_["metadata"]["uid"] = "child-1";
      stored_["secrets"] = json::Array{};
      stored_["metadata"]["managedFields"] = managers_;
    } else if (request.method == "DELETE") {
      stored_ = json::Value();
    }
    if (stored_.IsNull()) return TestCluster::Refusal(404, "NotFound");
    return TestCluster::Json(200, json::Dump(stored_));
  }
  [[nodiscard]] std::vector<http::Request> Sent(const std::string& method) const {
    std::vector<http::Request> sent;
    for (const auto& request : fake_.requests()) {
      if (request.method == method && request.path.find("/namespaces/") != std::string::npos) sent.push_back(request);
    }
    return sent;
  }
  // A Deployment whose first values are held by who gave them, from now on.
  json::Value WithFirstValues() {
    json::Value deployment = Account("u1");
    deployment["apiVersion"] = "apps/v1";
    deployment["kind"] = "Deployment";
    deployment["spec"] = json::Object{{"replicas", 3}, {"template", json::Object{}}};
    managers_ = json::Parse(R"([{"manager":"asya-initial","operation":"Apply","fieldsV1":{"f:spec":{"f:template":{},
      "f:replicas":{}}}}])")
                    .value();
    return deployment;
  }
  // Somebody else changes the account, or deletes it; returns once the cluster has been told.
  void ChangedByOthers(const std::function<void(json::Value& account)>& change) {
    std::uint64_t before = 0;
    {
      const std::lock_guard lock(mutex_);
      json::Value account = stored_;
      before = VersionOf(account);
      if (change) change(account);
      account["metadata"]["resourceVersion"] = std::to_string(++version_);
      stored_ = change ? account : json::Value();
      told_ = json::Dump(json::Object{{"type", change ? "MODIFIED" : "DELETED"}, {"object", account}}) + "\n";
    }
    const auto is_told = [&] {
      const auto children = cluster_.Observe("u1");
      return change ? VersionOf(children->at(0).object) > before : children->empty();
    };
    ASSERT_TRUE(Becomes(is_told));
  }
  void WaitUntilKnown() {
    ASSERT_TRUE(Becomes([this] { return cluster_.Observe("u1").ok(); })) << cluster_.Observe("u1").error().message;
  }

  std::mutex mutex_;
  json::Value stored_;
  json::Value listed_ = json::Array{};  // ServiceAccounts
  json::Value managers_ = json::Array{};
  int version_ = 100;
  std::string rules_;               // of who asks what it may do
  std::string told_;                // by the next watch of ServiceAccounts
  bool refuses_patch_ = false;      // once
  bool changed_meanwhile_ = false;  // once, before the first values are given up
  TestCluster fake_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{fake_.At(), RealClock()};
  KubernetesCluster cluster_{client_, KubernetesSettings{true}, RealClock(), observe::Logger::Silent()};
};

TEST_F(ClusterTest, KnowsNothingBeforeItHasListed) {
  EXPECT_EQ(cluster_.Observe("u1").error().code, ErrorCode::kUnavailable);
  cluster_.Start();
  WaitUntilKnown();
}

TEST_F(ClusterTest, AppliesOnceWhatStaysAsItIs) {
  cluster_.Start();
  WaitUntilKnown();
  const auto first = cluster_.Apply(Account("u1"), "asya");
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_TRUE(first->changed);
  ASSERT_EQ(Sent("PATCH").size(), 1U);
  const http::Request request = Sent("PATCH")[0];
  EXPECT_EQ(request.path, "/api/v1/namespaces/team/serviceaccounts/echo");
  EXPECT_EQ(TestCluster::QueryOf(request), "fieldManager=asya") << "nothing is taken over of what was not there";
  EXPECT_EQ(request.headers.Get("Content-Type"), "application/apply-patch+yaml");
  EXPECT_EQ(json::Dump(*json::Parse(request.body)->FindPath({"metadata", "ownerReferences"})),
            R"([{"apiVersion":"asya.sh/v1alpha1","blockOwnerDeletion":true,"controller":true,"kind":"AsyncActor",)"
            R"("name":"echo","uid":"u1"}])");
  ASSERT_EQ(cluster_.Observe("u1")->size(), 1U);

  EXPECT_FALSE(cluster_.Apply(Account("u1"), "asya")->changed);
  EXPECT_EQ(Sent("PATCH").size(), 1U) << "nothing was to be sent";
  json::Value other = Account("u1");
  other["metadata"]["labels"]["more"] = "yes";
  EXPECT_TRUE(cluster_.Apply(other, "asya")->changed);
  ASSERT_EQ(Sent("PATCH").size(), 2U);
  EXPECT_EQ(TestCluster::QueryOf(Sent("PATCH")[1]), "force=true&fieldManager=asya");
}

TEST_F(ClusterTest, LeavesWhatSomebodyMadeAfterTheNameWasFree) {
  cluster_.Start();
  WaitUntilKnown();
  ASSERT_TRUE(cluster_.MayApply({Account("u1")}).ok());
  refuses_patch_ = true;
  auto applied = cluster_.Apply(Account("u1"), "asya");
  ASSERT_FALSE(applied.ok());
  EXPECT_EQ(applied.error().code, ErrorCode::kConflict);
  EXPECT_EQ(applied.error().message.find("there is a ServiceAccount team/echo already"), 0U);

  ASSERT_TRUE(cluster_.MayApply({Account("u1")}).ok());
  managers_ =
      json::Parse(R"([{"manager":"asya","operation":"Apply"},{"manager":"kubectl","operation":"Update"}])").value();
  applied = cluster_.Apply(Account("u1"), "asya");
  ASSERT_FALSE(applied.ok());
  EXPECT_EQ(applied.error().message.find("there is a ServiceAccount team/echo already"), 0U);
  EXPECT_EQ(Sent("PATCH").back().body,
            R"({"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"echo","namespace":"team"}})")
      << "of which the fields that were given are taken back";
}

TEST_F(ClusterTest, TellsOfARightThatIsMissingBeforeAnythingIsMade) {
  cluster_.Start();
  WaitUntilKnown();
  rules_ = R"({"kind":"SelfSubjectRulesReview","status":{"incomplete":false,"resourceRules":[]}})";
  const Status may = cluster_.MayApply({Account("u1")});
  ASSERT_FALSE(may.ok());
  EXPECT_EQ(may.error().code, ErrorCode::kForbidden);
  EXPECT_EQ(may.error().message.find("ServiceAccount echo: the server cannot create"), 0U);
  rules_.clear();
  EXPECT_TRUE(cluster_.MayApply({Account("u1")}).ok()) << "who does not tell is asked by the try";
}

TEST_F(ClusterTest, AsksOnceForANameThatIsFree) {
  cluster_.Start();
  WaitUntilKnown();
  ASSERT_TRUE(cluster_.MayApply({Account("u1")}).ok());
  ASSERT_TRUE(cluster_.Apply(Account("u1"), "asya").ok());
  EXPECT_EQ(Sent("GET").size(), 1U);
  ChangedByOthers(nullptr);
  ASSERT_TRUE(cluster_.Apply(Account("u1"), "asya").ok());
  EXPECT_EQ(Sent("GET").size(), 2U) << "what was free once may be somebody else's now";
}

TEST_F(ClusterTest, TellsWhatOthersDidToWhatItHadApplied) {
  cluster_.Start();
  WaitUntilKnown();
  EXPECT_EQ(cluster_.Apply(Account("u1"), "asya")->repaired, ports::Drift::kNone);
  json::Value other = Account("u1");
  other["metadata"]["labels"]["more"] = "yes";
  EXPECT_EQ(cluster_.Apply(other, "asya")->repaired, ports::Drift::kNone) << "it was asked for";

  ChangedByOthers([](json::Value& account) { account["metadata"]["labels"]["more"] = "no"; });
  EXPECT_EQ(cluster_.Apply(other, "asya")->repaired, ports::Drift::kChanged);
  EXPECT_EQ(cluster_.Apply(other, "asya")->repaired, ports::Drift::kNone);
  ChangedByOthers(nullptr);
  EXPECT_EQ(cluster_.Apply(other, "asya")->repaired, ports::Drift::kDeleted);
}

// As a server that has begun to lead: what another one gave first it has never given itself.
TEST_F(ClusterTest, MakesAnObjectAnewWithAllThatItGave) {
  cluster_.Start();
  WaitUntilKnown();
  ASSERT_TRUE(cluster_.Apply(Account("u1"), "asya").ok());
  ChangedByOthers(nullptr);
  EXPECT_EQ(cluster_.Apply(Account("u1"), "asya-initial")->repaired, ports::Drift::kDeleted);
  const std::size_t before = Sent("PATCH").size();
  ASSERT_TRUE(cluster_.Apply(Account("u1"), "asya").ok());
  EXPECT_EQ(Sent("PATCH").size(), before + 1) << "to the new one it has not given anything yet";
}

TEST_F(ClusterTest, TakesNothingOver) {
  cluster_.Start();
  WaitUntilKnown();
  stored_ = Account("");
  stored_["metadata"]["labels"] = json::Object{};
  auto refused = cluster_.Apply(Account("u1"), "asya");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(
      refused.error().message,
      "there is a ServiceAccount team/echo already, which nobody gave to an actor; rename the actor, or delete it");
  stored_ = Account("u0");
  refused = cluster_.Apply(Account("u1"), "asya");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(
      refused.error().message,
      "there is a ServiceAccount team/echo already, which belongs to an earlier actor of uid u0; waiting until it "
      "is gone");
  EXPECT_TRUE(Sent("PATCH").empty());
  EXPECT_TRUE(cluster_.Delete({"v1", "ServiceAccount", "team", "echo"}, "u1").ok());
  EXPECT_TRUE(Sent("DELETE").empty()) << "it is not ours";
}

TEST_F(ClusterTest, DeletesTheObjectThatItKnowsAndNoOther) {
  cluster_.Start();
  WaitUntilKnown();
  ASSERT_TRUE(cluster_.Apply(Account("u1"), "asya").ok());
  ASSERT_TRUE(cluster_.Delete({"v1", "ServiceAccount", "team", "echo"}, "u1").ok());
  ASSERT_EQ(Sent("DELETE").size(), 1U);
  EXPECT_EQ(Sent("DELETE")[0].body, R"({"apiVersion":"v1","kind":"DeleteOptions","preconditions":)"
                                    R"({"resourceVersion":"101","uid":"child-1"},"propagationPolicy":"Background"})");
}

TEST_F(ClusterTest, LeavesACopyThatSomebodyMadeOfAChild) {
  json::Value copy = Account("u1");
  copy["metadata"]["name"] = "copy";
  copy["metadata"]["uid"] = "copy-1";
  copy["metadata"]["resourceVersion"] = "4";
  listed_ = json::Array{copy};
  cluster_.Start();
  WaitUntilKnown();
  EXPECT_TRUE(cluster_.Observe("u1")->empty()) << "an actor's end would wait for it";
  EXPECT_TRUE(cluster_.Delete({"v1", "ServiceAccount", "team", "copy"}, "u1").ok());
  EXPECT_TRUE(Sent("DELETE").empty()) << "its label came with the copy; no actor controls it";
}

TEST_F(ClusterTest, LeavesAChildOfAnotherActor) {
  cluster_.Start();
  WaitUntilKnown();
  ASSERT_TRUE(cluster_.Apply(Account("u1"), "asya").ok());
  EXPECT_TRUE(cluster_.Delete({"v1", "ServiceAccount", "team", "echo"}, "u2").ok());
  EXPECT_TRUE(Sent("DELETE").empty());
}

TEST_F(ClusterTest, PutsAnOwnerReferenceBackThatSomebodyRemoved) {
  json::Value stripped = Account("u1");
  stripped["metadata"]["uid"] = "child-1";
  stripped["metadata"]["resourceVersion"] = "4";
  listed_ = json::Array{stripped};
  stored_ = stripped;
  cluster_.Start();
  WaitUntilKnown();
  ASSERT_TRUE(cluster_.Apply(Account("u1"), "asya").ok());
  ASSERT_EQ(Sent("PATCH").size(), 1U);
  EXPECT_NE(Sent("PATCH")[0].body.find("ownerReferences"), std::string::npos);
  EXPECT_EQ(cluster_.Observe("u1")->size(), 1U);
}

TEST_F(ClusterTest, NamesWhatIsNotInstalled) {
  cluster_.Start();
  WaitUntilKnown();
  json::Value object = Account("u1");
  object["apiVersion"] = "keda.sh/v1alpha1";
  object["kind"] = "ScaledObject";
  const auto refused = cluster_.Apply(object, "asya");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(
      refused.error().message,
      "the cluster serves no scaledobjects of keda.sh/v1alpha1; install KEDA, or set spec.scaling.enabled: false");
}

TEST_F(ClusterTest, NamesTheObjectThatItMeans) {
  cluster_.Start();
  WaitUntilKnown();
  ASSERT_TRUE(cluster_.Apply(Account("u1"), "asya").ok());
  EXPECT_EQ(Sent("PATCH")[0].body.find("uid\":\"child-1"), std::string::npos) << "there was none";
  json::Value other = Account("u1");
  other["metadata"]["labels"]["more"] = "yes";
  ASSERT_TRUE(cluster_.Apply(other, "asya").ok());
  EXPECT_NE(Sent("PATCH")[1].body.find(R"("uid":"child-1")"), std::string::npos) << Sent("PATCH")[1].body;
}

TEST_F(ClusterTest, LeavesNothingButTheCountToWhoGaveTheFirstValues) {
  cluster_.Start();
  WaitUntilKnown();
  const json::Value deployment = WithFirstValues();
  ASSERT_TRUE(cluster_.Apply(deployment, "asya").ok());
  ASSERT_EQ(Sent("PATCH").size(), 2U);
  EXPECT_EQ(TestCluster::QueryOf(Sent("PATCH")[1]), "force=true&fieldManager=asya-initial");
  EXPECT_EQ(Sent("PATCH")[1].body, kCountAlone);
}

TEST_F(ClusterTest, TriesAgainToLeaveTheCountWhereTheObjectHasChangedMeanwhile) {
  cluster_.Start();
  WaitUntilKnown();
  const json::Value deployment = WithFirstValues();
  changed_meanwhile_ = true;
  ASSERT_TRUE(cluster_.Apply(deployment, "asya").ok()) << "nobody has taken the name";
  ASSERT_TRUE(cluster_.Apply(deployment, "asya").ok());
  ASSERT_EQ(Sent("PATCH").size(), 4U);
  EXPECT_EQ(TestCluster::QueryOf(Sent("PATCH")[3]), "force=true&fieldManager=asya-initial");
}

// What nobody gives any more falls back to the API's own default, which is one replica.
TEST_F(ClusterTest, LeavesTheCountAsItIsWhereItGivesNoneAnyMore) {
  cluster_.Start();
  WaitUntilKnown();
  json::Value deployment = WithFirstValues();
  managers_ = json::Parse(R"([{"manager":"asya","operation":"Apply","fieldsV1":{"f:spec":{"f:template":{},
      "f:replicas":{}}}}])")
                  .value();
  ASSERT_TRUE(cluster_.Apply(deployment, "asya").ok());
  deployment["spec"].AsObject().erase("replicas");
  changed_meanwhile_ = true;
  EXPECT_FALSE(cluster_.Apply(deployment, "asya").ok()) << "the count that was seen may not be the one that is";
  ASSERT_EQ(Sent("PATCH").size(), 2U) << "and it is not given up";
  ASSERT_TRUE(cluster_.Apply(deployment, "asya").ok());
  ASSERT_EQ(Sent("PATCH").size(), 4U);
  EXPECT_EQ(TestCluster::QueryOf(Sent("PATCH")[2]), "force=true&fieldManager=asya-initial");
  EXPECT_EQ(Sent("PATCH")[2].body, kCountAlone);
  EXPECT_EQ(TestCluster::QueryOf(Sent("PATCH")[3]), "force=true&fieldManager=asya");
  EXPECT_EQ(Sent("PATCH")[3].body.find("replicas"), std::string::npos);
}

// A Deployment that has just been made is changed at once by the cluster's own controllers, so that it takes a few
// passes until the first values are left; what a person changes between these is a repair all the same.
TEST_F(ClusterTest, TellsWhatOthersDidBeforeTheFirstValuesWereLeft) {
  cluster_.Start();
  WaitUntilKnown();
  json::Value wanted = WithFirstValues();
  wanted["apiVersion"] = "v1";  // of the kind whose changes are told here
  wanted["kind"] = "ServiceAccount";
  const auto apply = [&] {
    {
      const std::lock_guard lock(mutex_);
      changed_meanwhile_ = true;
    }
    return cluster_.Apply(wanted, "asya")->repaired;
  };
  EXPECT_EQ(apply(), ports::Drift::kNone);
  EXPECT_EQ(apply(), ports::Drift::kNone) << "it was not whole, and nobody else has changed it";
  ChangedByOthers([](json::Value& account) { account["metadata"]["labels"]["app.kubernetes.io/name"] = "mine"; });
  EXPECT_EQ(apply(), ports::Drift::kChanged);
}

TEST_F(ClusterTest, RefusesKindsThatNoActorIsRenderedInto) {
  json::Value object = Account("u1");
  object["kind"] = "Secret";
  EXPECT_EQ(cluster_.Apply(object, "asya").error().field, "kind");
}

}  // namespace
}  // namespace asya::cluster::kubernetes
