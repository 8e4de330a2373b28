#include <map>

#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

TEST_F(TestApi, DeleteAnswersWithTheUid) {
  const Answer created = Create(Actor("a"));
  const Answer deleted = Send("DELETE", Path("a"), R"({"propagationPolicy":"Background"})");
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.At("/kind"), "Status");
  EXPECT_EQ(deleted.At("/status"), "Success");
  EXPECT_EQ(deleted.At("/details/kind"), "asyncactors");
  EXPECT_EQ(deleted.At("/details/uid"), created.At("/metadata/uid"));
  EXPECT_EQ(Get(Path("a")).At("/message"), "asyncactors.asya.sh \"a\" not found");
  EXPECT_EQ(Send("DELETE", Path("a")).status, 404);
}

TEST_F(TestApi, DeletePreconditionsHold) {
  const Answer created = Create(Actor("a"));
  EXPECT_EQ(Send("DELETE", Path("a"), R"({"preconditions":{"uid":"another"}})").status, 409);
  EXPECT_EQ(Send("DELETE", Path("a"), R"({"preconditions":{"resourceVersion":"1"}})").status, 409);
  EXPECT_EQ(Send("DELETE", Path("a"), R"({"propagationPolicy":"Sideways"})").status, 422);
  const std::string right = R"({"preconditions":{"uid":")" + created.At("/metadata/uid") + R"(","resourceVersion":")" +
                            created.At("/metadata/resourceVersion") + "\"}}";
  EXPECT_EQ(Send("DELETE", Path("a"), right).status, 200);
}

TEST_F(TestApi, FinalizersHoldADeletion) {
  json::Value actor = Actor("a");
  actor["metadata"]["finalizers"] = json::Array{"asya.sh/drain"};
  Create(actor);
  const Answer deleting = Send("DELETE", Path("a"));
  EXPECT_EQ(deleting.status, 200);
  EXPECT_EQ(deleting.At("/kind"), "AsyncActor");
  EXPECT_NE(deleting.At("/metadata/deletionTimestamp"), "(absent)");
  EXPECT_EQ(deleting.At("/metadata/deletionGracePeriodSeconds"), "0");
  EXPECT_EQ(deleting.At("/metadata/generation"), "2");
  EXPECT_EQ(Send("DELETE", Path("a")).At("/metadata/resourceVersion"), deleting.At("/metadata/resourceVersion"))
      << "again changes nothing";
  const Answer added = Merge(Path("a"), R"({"metadata":{"finalizers":["asya.sh/drain","x/y"]}})");
  EXPECT_EQ(added.status, 422);
  EXPECT_EQ(added.At("/details/causes/0/reason"), "FieldValueForbidden");
  EXPECT_NE(Merge(Path("a"), R"({"metadata":{"deletionTimestamp":null}})").At("/metadata/deletionTimestamp"),
            "(absent)");
  EXPECT_EQ(Merge(Path("a"), R"({"metadata":{"finalizers":null}})").status, 200);
  EXPECT_EQ(Get(Path("a")).status, 404);
}

TEST_F(TestApi, DeletecollectionTakesSelectors) {
  for (const char* name : {"a", "b", "c"}) Create(Actor(name));
  Merge(Path("b"), R"({"metadata":{"labels":{"keep":"yes"}}})");
  const Answer deleted = Send("DELETE", std::string(kActors) + "?labelSelector=keep!=yes");
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.body.Find("items")->AsArray().size(), 2U);
  EXPECT_EQ(Get(Path("a")).status, 404);
  EXPECT_EQ(Get(Path("b")).status, 200);
}

TEST_F(TestApi, ForegroundAndOrphanAreFinalizers) {
  for (const auto& [policy, finalizer] :
       std::map<std::string, std::string>{{"Foreground", "foregroundDeletion"}, {"Orphan", "orphan"}}) {
    Create(Actor("a"));
    const std::string options = R"({"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":")" + policy + "\"}";
    const Answer dry = Send("DELETE", Path("a") + "?dryRun=All", options);
    EXPECT_NE(dry.At("/metadata/deletionTimestamp"), "(absent)") << dry.text;
    EXPECT_EQ(Get(Path("a")).At("/metadata/deletionTimestamp"), "(absent)");
    const Answer deleting = Send("DELETE", Path("a"), options);
    EXPECT_EQ(deleting.status, 200);
    EXPECT_EQ(deleting.At("/kind"), "AsyncActor");
    EXPECT_EQ(deleting.At("/metadata/finalizers"), "[\"" + finalizer + "\"]");
    EXPECT_EQ(deleting.At("/metadata/generation"), "2");
    EXPECT_EQ(Send("DELETE", Path("a"), options).At("/metadata/resourceVersion"),
              deleting.At("/metadata/resourceVersion"))
        << "again changes nothing";
    EXPECT_EQ(Merge(Path("a"), R"({"metadata":{"finalizers":null}})").status, 200);
    EXPECT_EQ(Get(Path("a")).status, 404) << "it waited for this finalizer alone";
  }
}

TEST_F(TestApi, TheLastWordOnPropagationCounts) {
  json::Value actor = Actor("a");
  actor["metadata"]["finalizers"] = json::Array{"orphan"};
  Create(actor);
  EXPECT_EQ(Send("DELETE", Path("a"), R"({"propagationPolicy":"Background"})").At("/status"), "Success")
      << "background takes the finalizer of orphaning away";
  Create(actor);
  EXPECT_EQ(Send("DELETE", Path("a")).At("/metadata/finalizers"), R"(["orphan"])") << "unless nothing is said";
}

TEST_F(TestApi, ADeletionUnderWayTakesAnotherPropagation) {
  const std::string foreground = R"({"propagationPolicy":"Foreground"})";
  Create(Actor("a"));
  ASSERT_EQ(Send("DELETE", Path("a"), foreground).At("/metadata/finalizers"), R"(["foregroundDeletion"])");
  const Answer dry = Send("DELETE", Path("a") + "?dryRun=All", R"({"propagationPolicy":"Orphan"})");
  EXPECT_EQ(dry.At("/metadata/finalizers"), R"(["orphan"])");
  EXPECT_EQ(Get(Path("a")).At("/metadata/finalizers"), R"(["foregroundDeletion"])");
  const Answer orphaning = Send("DELETE", Path("a"), R"({"propagationPolicy":"Orphan"})");
  EXPECT_EQ(orphaning.At("/metadata/finalizers"), R"(["orphan"])");
  EXPECT_EQ(orphaning.At("/metadata/generation"), "2") << "its deletion was counted already";
  EXPECT_EQ(Send("DELETE", Path("a")).At("/metadata/finalizers"), R"(["orphan"])") << "where nothing is said";
  EXPECT_EQ(Send("DELETE", Path("a"), R"({"propagationPolicy":"Background"})").At("/status"), "Success");
  EXPECT_EQ(Get(Path("a")).status, 404);
  json::Value held = Actor("b");
  held["metadata"]["finalizers"] = json::Array{"asya.sh/drain"};
  Create(held);
  const Answer deleting = Send("DELETE", Path("b"), foreground);
  EXPECT_EQ(deleting.At("/metadata/finalizers"), R"(["asya.sh/drain","foregroundDeletion"])");
  const std::string reordered = R"({"metadata":{"finalizers":["foregroundDeletion","asya.sh/drain"]}})";
  ASSERT_EQ(Merge(Path("b"), reordered).status, 200);
  EXPECT_EQ(Send("DELETE", Path("b"), foreground).At("/metadata/finalizers"),
            R"(["foregroundDeletion","asya.sh/drain"])")
      << "the same again changes nothing";
  EXPECT_EQ(Send("DELETE", Path("b"), R"({"propagationPolicy":"Background"})").At("/metadata/finalizers"),
            R"(["asya.sh/drain"])");
}

TEST_F(TestApi, TheOldWordForPropagationIsUnderstood) {
  Create(Actor("a"));
  EXPECT_EQ(Send("DELETE", Path("a"), R"({"orphanDependents":true})").At("/metadata/finalizers"), R"(["orphan"])");
  json::Value held = Actor("b");
  held["metadata"]["finalizers"] = json::Array{"asya.sh/drain"};
  Create(held);
  EXPECT_EQ(Send("DELETE", Path("b"), R"({"orphanDependents":false})").status, 202) << "not gone yet";
  Create(Actor("c"));
  EXPECT_EQ(Send("DELETE", Path("c") + "?orphanDependents=false").status, 200) << "gone";
  Create(Actor("d"));
  const Answer both = Send("DELETE", Path("d"), R"({"orphanDependents":true,"propagationPolicy":"Orphan"})");
  EXPECT_EQ(both.status, 422);
  EXPECT_EQ(both.At("/details/kind"), "DeleteOptions");
}

TEST_F(TestApi, OptionsOfADeletionAreReadFromTheQueryToo) {
  Create(Actor("a"));
  EXPECT_EQ(Send("DELETE", Path("a") + "?propagationPolicy=Sideways").status, 422);
  EXPECT_EQ(Send("DELETE", Path("a") + "?gracePeriodSeconds=-1").status, 422);
  EXPECT_EQ(Send("DELETE", Path("a"), R"({"gracePeriodSeconds":-5})").status, 422);
  EXPECT_EQ(Send("DELETE", Path("a"), R"({"dryRun":["Some"]})").status, 422);
  EXPECT_EQ(Send("DELETE", Path("a"), R"({"kind":"AsyncActor"})").status, 400);
  EXPECT_EQ(Send("DELETE", Path("a"), "[]").status, 400);
  EXPECT_EQ(Send("DELETE", Path("a"), "{}", {{"Content-Type", "text/html"}}).status, 415);
  EXPECT_EQ(Get(Path("a")).status, 200);
  EXPECT_EQ(Send("DELETE", Path("a") + "?propagationPolicy=Foreground&gracePeriodSeconds=0").At("/kind"), "AsyncActor");
}

TEST_F(TestApi, ACollectionIsDeletedByTheSameOptions) {
  for (const char* name : {"a", "b", "c"}) Create(Actor(name));
  EXPECT_EQ(Send("DELETE", std::string(kActors) + "?dryRun=All").body.Find("items")->AsArray().size(), 3U);
  EXPECT_EQ(Get(kActors).body.Find("items")->AsArray().size(), 3U) << "a dry run";
  EXPECT_EQ(Send("DELETE", std::string(kActors) + "?limit=1").body.Find("items")->AsArray().size(), 1U);
  const Answer rest = Send("DELETE", kActors, R"({"propagationPolicy":"Foreground"})");
  EXPECT_EQ(rest.At("/items/1/metadata/finalizers"), R"(["foregroundDeletion"])") << rest.text;
  EXPECT_EQ(Get(kActors).body.Find("items")->AsArray().size(), 2U) << "they wait for the garbage collector";
}

TEST_F(TestApi, NothingIsDeletedInAllNamespacesAtOnce) {
  Create(Actor("a"));
  EXPECT_EQ(Send("DELETE", "/apis/asya.sh/v1alpha1/asyncactors").status, 405);
  EXPECT_EQ(Get(Path("a")).status, 200);
}

}  // namespace
}  // namespace asya::apiserver
