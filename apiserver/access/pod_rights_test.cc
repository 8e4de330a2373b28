#include "apiserver/access/pod_rights.h"

#include <gtest/gtest.h>

#include "apiserver/access/fake_cluster.h"
#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

constexpr const char* kFlavors = "/apis/asya.sh/v1alpha1/flavors";

class RightsToPods : public TestApi {
 protected:
  RightsToPods() { Open({}, {PodRights(std::make_shared<AccessReviews>(cluster_, clock_), store_)}); }
  static json::Value As(const std::string& account) {
    return Actor("one", R"({"image":"i:1","handler":"m.f","serviceAccountName":")" + account + "\"}");
  }
  static json::Value With(const std::string& metadata, const std::string& spec = R"({"image":"i:1","handler":"m.f"})") {
    json::Value actor = Actor("one", spec);
    const json::Value parsed = json::Parse(metadata).value();
    for (const auto& [key, value] : parsed.AsObject()) actor["metadata"][key] = value;
    return actor;
  }
  int MakeFlavor(const std::string& name, const std::string& spec) {
    return Send("POST", kFlavors,
                R"({"apiVersion":"asya.sh/v1alpha1","kind":"Flavor","metadata":{"name":")" + name + R"("},"spec":)" +
                    spec + "}")
        .status;
  }
  // All that is asked from now on is answered anew, and so.
  void Now(bool allows, const std::string& refused = "") {
    clock_.Advance(kReviewAgeMax);
    cluster_.allows = allows;
    cluster_.refused = refused;
  }
  FakeCluster cluster_;
  FakeClock clock_;
};

TEST_F(RightsToPods, AreAskedOfWhoMakesAnActor) {
  EXPECT_EQ(Create(Actor("none")).status, 201);
  EXPECT_EQ(cluster_.access_reviews, 1) << "no account is named";
  EXPECT_EQ(cluster_.last.verb + " " + cluster_.last.group + cluster_.last.resource + " " + cluster_.last.namespace_,
            "create pods default");
  EXPECT_EQ(Create(As("robot")).status, 201);
  EXPECT_EQ(cluster_.last.verb + " " + cluster_.last.resource + " " + cluster_.last.name, "use serviceaccounts robot");
  EXPECT_EQ(cluster_.access_reviews, 2);
  EXPECT_EQ(Merge(Path("one"), R"({"metadata":{"labels":{"a":"b"}}})").status, 200);
  EXPECT_EQ(Merge(Path("one"), R"({"spec":{"image":"i:2"}})").status, 200);
  EXPECT_EQ(cluster_.access_reviews, 2) << "it is known";
  EXPECT_EQ(Merge(Path("one"), R"({"spec":{"serviceAccountName":"root"}})").status, 200);
  EXPECT_EQ(cluster_.last.name, "root");
}

TEST_F(RightsToPods, AreNotGotByAnActor) {
  cluster_.allows = false;
  const Answer refused = Create(Actor("one"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.At("/message"),
            "asyncactors.asya.sh \"one\" is forbidden: its pods would do it for user \"ada\", who cannot create "
            "resource \"pods\" in API group \"\" in the namespace \"default\"");
  cluster_.away = true;
  EXPECT_EQ(Create(Actor("two")).status, 403) << "what was answered is known";
}

TEST_F(RightsToPods, AreNotNeededToScale) {
  EXPECT_EQ(Create(Actor("one", R"({"image":"i:1","handler":"m.f","scaling":{"enabled":false}})")).status, 201);
  cluster_.away = true;
  EXPECT_EQ(Merge(Path("one") + "/scale", R"({"spec":{"replicas":3}})").status, 200);
}

TEST_F(RightsToPods, ThatNobodyTellsOfAreNone) {
  cluster_.away = true;
  EXPECT_EQ(Create(Actor("one")).status, 503);
}

TEST_F(RightsToPods, AreAskedForWhateverPodsGet) {
  EXPECT_EQ(Create(As("robot")).status, 201);
  Now(false);
  EXPECT_EQ(Merge(Path("one"), R"({"spec":{"image":"i:2"}})").status, 403);
  EXPECT_EQ(Merge(Path("one"), R"({"metadata":{"labels":{"app":"payments"}}})").status, 403) << "pods get them too";
  EXPECT_EQ(Merge(Path("one"), R"({"metadata":{"finalizers":["a.b/c"],"annotations":{"a":"b"}}})").status, 200);
  EXPECT_EQ(Merge(Path("one"), R"({"spec":{"paused":true,"scaling":{"maxReplicaCount":2}}})").status, 200);
  EXPECT_EQ(Merge(Path("one") + "/status", R"({"status":{"phase":"Ready"}})").status, 200);
  Now(true, "use serviceaccounts robot");
  const Answer refused = Merge(Path("one"), R"({"spec":{"image":"i:2"}})");
  EXPECT_EQ(refused.status, 403) << "a new image would run as the account that somebody else was allowed to use";
  EXPECT_NE(refused.text.find(R"(cannot use resource \"serviceaccounts\" \"robot\")"), std::string::npos);
  EXPECT_EQ(Merge(Path("one"), R"({"spec":{"serviceAccountName":null}})").status, 200);
}

TEST_F(RightsToPods, CoverAnAccountThatIsMade) {
  const char* made = R"({"annotations":{"asya.sh/service-account":"create","eks.amazonaws.com/role-arn":"arn:a"}})";
  cluster_.refused = "create serviceaccounts ";
  EXPECT_EQ(Create(With(made)).status, 403);
  Now(true, "use serviceaccounts one");
  EXPECT_EQ(Create(With(made)).status, 403) << "there may be one of this name";
  Now(true);
  EXPECT_EQ(Create(With(made)).status, 201);
  Now(true, "create serviceaccounts ");
  EXPECT_EQ(Merge(Path("one"), R"({"metadata":{"annotations":{"eks.amazonaws.com/role-arn":"arn:b"}}})").status, 403);
  EXPECT_EQ(Merge(Path("one"), R"({"metadata":{"annotations":null}})").status, 200);
  EXPECT_EQ(Merge(Path("one"), std::string(R"({"metadata":)") + made + "}").status, 403);
}

TEST_F(RightsToPods, CoverAccountsOfFlavors) {
  EXPECT_EQ(MakeFlavor("plain", R"({"concurrency":1})"), 201);
  EXPECT_EQ(MakeFlavor("robotic", R"({"serviceAccountName":"robot"})"), 201);
  Now(true, "use serviceaccounts robot");
  const auto named = [this](const std::string& flavors, const std::string& more = "") {
    return Create(Actor("one", R"({"image":"i:1","handler":"m.f","flavors":)" + flavors + more + "}")).status;
  };
  EXPECT_EQ(named(R"(["plain","robotic"])"), 403);
  EXPECT_EQ(named(R"(["plain","absent"])"), 201);
  EXPECT_EQ(Merge(Path("one"), R"({"spec":{"flavors":["robotic"]}})").status, 403);
  EXPECT_EQ(Merge(Path("one"), R"({"spec":{"flavors":["robotic"],"serviceAccountName":"mine"}})").status, 200)
      << "the actor's own goes before those of its flavors";
  EXPECT_EQ(Merge(Path("one"), R"({"spec":{"serviceAccountName":null}})").status, 403);
}

// Else a ClusterTriggerAuthentication would be had by an actor, and shown to whatever address its trigger names.
TEST_F(RightsToPods, CoverTriggersOfKeda) {
  const std::string cron = R"({"type":"cron","metadata":{"start":"0 8 * * *"}})";
  const std::string theft = R"({"type":"metrics-api","metadata":{"url":"https://evil.example"},)"
                            R"("authenticationRef":{"name":"all","kind":"ClusterTriggerAuthentication"}})";
  const auto spec = [](const std::string& triggers, const std::string& more = "") {
    return R"({"scaling":{"additionalTriggers":[)" + triggers + "]" + more + "}}";
  };
  const auto of = [&](const std::string& triggers) {
    return R"({"image":"i:1","handler":"m.f",)" + spec(triggers).substr(1);
  };
  Now(true, "create scaledobjects ");
  const Answer refused = Create(Actor("one", of(theft)));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.At("/message"),
            "asyncactors.asya.sh \"one\" is forbidden: its additionalTriggers would do it for user \"ada\", who cannot "
            "create resource \"scaledobjects\" in API group \"keda.sh\" in the namespace \"default\"");
  EXPECT_EQ(Create(Actor("one")).status, 201);
  const auto merge = [this](const std::string& change) {
    return Merge(Path("one"), R"({"spec":)" + change + "}").status;
  };
  EXPECT_EQ(merge(spec(theft)), 403);
  Now(true);
  EXPECT_EQ(merge(spec(cron + "," + theft)), 200);
  EXPECT_EQ(cluster_.last.group + " " + cluster_.last.version + " " + cluster_.last.namespace_,
            "keda.sh v1alpha1 default");
  Now(true, "create scaledobjects ");
  EXPECT_EQ(merge(spec(cron + "," + theft, R"(,"maxReplicaCount":2)")), 200) << "they are as they were";
  EXPECT_EQ(merge(spec(cron)), 200) << "fewer of them";
  EXPECT_EQ(merge(spec(theft)), 403) << "what was taken away does not come back";
  EXPECT_EQ(MakeFlavor("timed", spec(cron)), 403);
  EXPECT_EQ(cluster_.last.resource + " " + cluster_.last.namespace_, "scaledobjects ");
  Now(true);
  EXPECT_EQ(MakeFlavor("timed", spec(cron)), 201);
}

TEST_F(RightsToPods, AreAskedInAllNamespacesOfWhoWritesAFlavor) {
  Now(false);
  EXPECT_EQ(MakeFlavor("plain", R"({"concurrency":1})"), 403);
  EXPECT_EQ(cluster_.last.verb + " " + cluster_.last.resource + " " + cluster_.last.namespace_, "create pods ");
  Now(true, "use serviceaccounts robot");
  EXPECT_EQ(MakeFlavor("robotic", R"({"serviceAccountName":"robot"})"), 403);
  EXPECT_EQ(MakeFlavor("plain", R"({"concurrency":1})"), 201);
  EXPECT_EQ(Merge(std::string(kFlavors) + "/plain", R"({"spec":{"serviceAccountName":"robot"}})").status, 403);
}

// Who may write managedFields may say that a manager of scales has set the account; its next apply takes that away.
TEST_F(RightsToPods, AreNotGoneRoundByAScale) {
  EXPECT_EQ(Create(Actor("one", R"({"image":"i:1","handler":"m.f","serviceAccountName":"poor","replicas":1,)"
                                R"("scaling":{"enabled":false}})"))
                .status,
            201);
  const char* forged =
      R"({"metadata":{"managedFields":[{"manager":"m","operation":"Apply","apiVersion":"asya.sh/v1alpha1",)"
      R"("subresource":"scale","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:replicas":{},)"
      R"("f:serviceAccountName":{}}}}]}})";
  ASSERT_EQ(Merge(Path("one"), forged).status, 200);
  Now(false);
  const auto apply = [this] {
    return Send("PATCH", Path("one") + "/scale?fieldManager=m&force=true",
                R"({"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"one"},"spec":{"replicas":2}})",
                {{"Content-Type", "application/apply-patch+yaml"}})
        .status;
  };
  EXPECT_EQ(apply(), 403);
  EXPECT_EQ(Get(Path("one")).At("/spec/serviceAccountName"), "poor");
  Now(true);
  EXPECT_EQ(apply(), 200);
}

TEST_F(RightsToPods, AreAskedOfWhoBringsAnOldOneBack) {
  EXPECT_EQ(Create(As("robot")).status, 201);
  const std::string revision = Get(Path("one")).At("/metadata/resourceVersion");
  EXPECT_EQ(Merge(Path("one"), R"({"spec":{"serviceAccountName":null}})").status, 200);
  Now(true, "use serviceaccounts robot");
  const std::string back = R"({"revision":")" + revision + "\"}";
  EXPECT_EQ(Send("POST", Path("one") + "/restore", back).status, 403);
}

}  // namespace
}  // namespace asya::apiserver
