#include <future>
#include <limits>

#include "apiserver/continue_token.h"
#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

constexpr const char* kTable = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

TEST_F(TestApi, OnlyKnownUsersGetIn) {
  EXPECT_EQ(Get(kActors, {{"Authorization", "Bearer wrong"}}).status, 401);
  EXPECT_EQ(Get(kActors, {{"Authorization", ""}}).At("/reason"), "Unauthorized");
  for (const char* open : {"/livez", "/readyz", "/healthz", "/version"}) {
    EXPECT_EQ(Get(open, {{"Authorization", ""}}).status, 200) << open;
  }
}

TEST_F(TestApi, UnknownPathsAndMethodsAreStatuses) {
  for (const char* path : {"/", "/apis/asya.sh/v1alpha1/nothings", "/apis/asya.sh/v2", "/apis/other", "/api/v2",
                           "/apis/asya.sh/v1alpha1/namespaces/default/flavors", "/apis/asya.sh/v1alpha1/asyncactors/a",
                           "/apis/asya.sh/v1alpha1/namespaces/default/asyncactors/a/nothing", "/openapi/v4"}) {
    const Answer answer = Get(path);
    EXPECT_EQ(answer.status, 404) << path << answer.text;
    EXPECT_EQ(answer.At("/kind"), "Status") << path;
  }
  EXPECT_EQ(Send("POST", Path("a"), "{}").status, 405);
  EXPECT_EQ(Send("PUT", kActors, "{}").status, 405);
  EXPECT_EQ(Send("DELETE", "/apis").status, 405);
  EXPECT_EQ(Send("POST", "/api/v1/namespaces/default/events", "{}").status, 405);
}

TEST_F(TestApi, ListsInPagesAtOneRevision) {
  for (int i = 0; i < 5; ++i) Create(Actor("n" + std::to_string(i)));
  const Answer first = Get(std::string(kActors) + "?limit=2");
  EXPECT_EQ(first.At("/kind"), "AsyncActorList");
  EXPECT_EQ(first.At("/items/1/metadata/name"), "n1");
  EXPECT_EQ(first.At("/metadata/remainingItemCount"), "3");
  Create(Actor("n25"));
  Send("DELETE", Path("n3"));
  const Answer second = Get(std::string(kActors) + "?limit=10&continue=" + first.At("/metadata/continue"));
  EXPECT_EQ(second.body.Find("items")->AsArray().size(), 3U) << second.text;
  EXPECT_EQ(second.At("/metadata/resourceVersion"), first.At("/metadata/resourceVersion"));
  EXPECT_EQ(second.At("/metadata/continue"), "(absent)");
  EXPECT_EQ(Get(std::string(kActors) + "?continue=nonsense").status, 400);
  const Answer both = Get(std::string(kActors) + "?resourceVersion=1&continue=" + first.At("/metadata/continue"));
  EXPECT_EQ(both.status, 400) << "the token says which revision";
}

TEST_F(TestApi, ForgedContinueTokensAreRefused) {
  Create(Actor("a"));
  for (const std::int64_t revision :
       {std::int64_t{0}, std::int64_t{-2}, std::int64_t{999'999}, std::numeric_limits<std::int64_t>::max()}) {
    const Answer forged =
        Get(std::string(kActors) + "?limit=1&continue=" + EncodeContinueToken({revision, "default", "a"}));
    EXPECT_EQ(forged.status, 400) << revision << forged.text;
  }
  const Answer long_name =
      Get(std::string(kActors) + "?continue=" + EncodeContinueToken({1, "x", std::string(4096, 'n')}));
  EXPECT_EQ(long_name.status, 400);
  const Answer elsewhere = Get(std::string(kActors) + "?continue=" + EncodeContinueToken({-1, "zzz", "zzz"}));
  EXPECT_EQ(elsewhere.At("/items"), "[]") << "a place behind the last object";
}

TEST_F(TestApi, AnExpiredPageCanGoOnAtTheHead) {
  for (int i = 0; i < 3; ++i) Create(Actor("n" + std::to_string(i)));
  const Answer first = Get(std::string(kActors) + "?limit=1");
  Create(Actor("n3"));
  ASSERT_TRUE(store_.Compact(store_.Head().value()).ok());
  const Answer expired = Get(std::string(kActors) + "?limit=5&continue=" + first.At("/metadata/continue"));
  EXPECT_EQ(expired.status, 410) << expired.text;
  EXPECT_EQ(expired.At("/reason"), "Expired");
  const Answer rest = Get(std::string(kActors) + "?limit=5&continue=" + expired.At("/metadata/continue"));
  EXPECT_EQ(rest.body.Find("items")->AsArray().size(), 3U) << rest.text;
}

TEST_F(TestApi, EmptyListsHaveItemsAndARevision) {
  const Answer list = Get("/apis/asya.sh/v1alpha1/flavors");
  EXPECT_EQ(list.At("/items"), "[]");
  EXPECT_GT(std::stoll(list.At("/metadata/resourceVersion")), 0);
  EXPECT_EQ(Get("/api/v1/namespaces/default/events").At("/items"), "[]");
}

TEST_F(TestApi, SelectorsChoose) {
  for (const char* name : {"a", "b", "c"}) Create(Actor(name));
  Merge(Path("a"), R"({"metadata":{"labels":{"tier":"front"}}})");
  Merge(Path("b"), R"({"metadata":{"labels":{"tier":"back"}}})");
  const auto count = [this](const std::string& query) {
    const Answer answer = Get(std::string(kActors) + "?" + query);
    return answer.status == 200 ? static_cast<int>(answer.body.Find("items")->AsArray().size()) : -answer.status;
  };
  EXPECT_EQ(count("labelSelector=tier%3Dfront"), 1);
  EXPECT_EQ(count("labelSelector=tier%20in%20(front,back)"), 2);
  EXPECT_EQ(count("labelSelector=!tier"), 1);
  EXPECT_EQ(count("labelSelector=tier!=front"), 2);
  EXPECT_EQ(count("fieldSelector=metadata.name=b"), 1);
  EXPECT_EQ(count("fieldSelector=metadata.name!=b"), 2);
  EXPECT_EQ(count("fieldSelector=metadata.namespace=other"), 0);
  EXPECT_EQ(count("fieldSelector=metadata.name=a,metadata.name=b"), 0);
  EXPECT_EQ(count("fieldSelector=spec.image=i"), -400);
  EXPECT_EQ(count("labelSelector=a%20in%20b"), -400);
}

TEST_F(TestApi, ARevisionThatIsAheadIsWaitedForWithoutAThread) {
  Open(Waiting(std::chrono::minutes(10)));
  const std::string ahead = Ahead();
  auto list = std::async(std::launch::async, [&] { return Get(std::string(kActors) + "?resourceVersion=" + ahead); });
  AwaitRevisionWaits(1);
  ASSERT_EQ(Create(Actor("a")).status, 201) << "the only thread is free";
  EXPECT_EQ(list.get().body.Find("items")->AsArray().size(), 1U);
  const std::string later = Ahead();
  auto get = std::async(std::launch::async, [&] { return Get(Path("a") + "?resourceVersion=" + later); });
  AwaitRevisionWaits(1);
  Shut();
  EXPECT_EQ(get.get().status, 504) << "a server that stops keeps nobody waiting";
}

TEST_F(TestApi, ARevisionThatDoesNotComeIsAnsweredInTheEnd) {
  Open(Waiting(std::chrono::milliseconds(1)));
  for (const std::string& path : {std::string(kActors), std::string(kActors) + "/a"}) {
    const Answer future = Get(path + "?resourceVersion=999999");
    EXPECT_EQ(future.status, 504);
    EXPECT_EQ(future.At("/reason"), "Timeout");
    EXPECT_EQ(future.At("/details/retryAfterSeconds"), "1");
    EXPECT_EQ(future.At("/details/causes/0/reason"), "ResourceVersionTooLarge");
  }
  ApiServerSettings full = Waiting(std::chrono::minutes(10));
  full.revision_waits_max = 0;
  Open(full);
  EXPECT_EQ(Get(std::string(kActors) + "?resourceVersion=999999").status, 504) << "too many wait already";
}

TEST_F(TestApi, RevisionsOfListsMeanWhatTheySay) {
  const std::string old = Create(Actor("a")).At("/metadata/resourceVersion");
  Create(Actor("b"));
  const auto names = [this](const std::string& query) { return Get(std::string(kActors) + query); };
  EXPECT_EQ(names("?resourceVersion=" + old).body.Find("items")->AsArray().size(), 2U) << "not older than";
  EXPECT_EQ(names("?resourceVersion=" + old + "&resourceVersionMatch=Exact").body.Find("items")->AsArray().size(), 1U);
  EXPECT_EQ(names("?resourceVersion=0").status, 200);
  EXPECT_EQ(names("?resourceVersion=01").status, 400);
  EXPECT_EQ(names("?resourceVersionMatch=Exact").status, 422);
  EXPECT_EQ(names("?resourceVersion=0&resourceVersionMatch=Exact").status, 422);
  EXPECT_EQ(names("?sendInitialEvents=true").At("/details/kind"), "ListOptions");
}

TEST_F(TestApi, TablesAreForPrinting) {
  Create(Actor("a"));
  const Answer list = Get(kActors, {{"Accept", kTable}});
  EXPECT_EQ(list.At("/kind"), "Table");
  EXPECT_EQ(list.At("/columnDefinitions/0/name"), "Name");
  EXPECT_EQ(list.At("/rows/0/cells/0"), "a");
  EXPECT_EQ(list.At("/rows/0/object/kind"), "PartialObjectMetadata");
  EXPECT_EQ(list.At("/rows/0/object/spec"), "(absent)");
  EXPECT_NE(list.At("/metadata/resourceVersion"), "(absent)");
  EXPECT_EQ(Get(Path("a") + "?includeObject=None", {{"Accept", kTable}}).At("/rows/0/object"), "(absent)");
  EXPECT_EQ(Get(Path("a") + "?includeObject=Object", {{"Accept", kTable}}).At("/rows/0/object/spec/image"), "i:1");
}

TEST_F(TestApi, PartialObjectsHaveMetadataOnly) {
  Create(Actor("a"));
  const std::string list_type = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
  const std::string object_type = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
  const Answer list = Get(kActors, {{"Accept", list_type}});
  EXPECT_EQ(list.At("/kind"), "PartialObjectMetadataList");
  EXPECT_EQ(list.At("/items/0/metadata/name"), "a");
  EXPECT_EQ(list.At("/items/0/spec"), "(absent)");
  EXPECT_EQ(Get(Path("a"), {{"Accept", object_type}}).At("/kind"), "PartialObjectMetadata");
  EXPECT_EQ(Get(kActors, {{"Accept", object_type}}).status, 406);
  EXPECT_EQ(Get(Path("a"), {{"Accept", list_type}}).status, 406);
  EXPECT_EQ(Get(kActors, {{"Accept", "application/vnd.kubernetes.protobuf"}}).status, 406);
  EXPECT_EQ(Get(kActors, {{"Accept", "application/vnd.kubernetes.protobuf, application/json"}}).status, 200);
}

TEST_F(TestApi, NamespacesHoldTheirObjects) {
  const auto make = [](const std::string& name) {
    return R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":")" + name + "\"}}";
  };
  EXPECT_EQ(Get("/api/v1/namespaces/default").At("/status/phase"), "Active");
  const Answer team = Send("POST", "/api/v1/namespaces", make("team"));
  EXPECT_EQ(team.status, 201) << team.text;
  const std::string actors = "/apis/asya.sh/v1alpha1/namespaces/team/asyncactors";
  json::Value held = Actor("held");
  held["metadata"]["finalizers"] = json::Array{"asya.sh/drain"};
  EXPECT_EQ(Send("POST", actors, json::Dump(held)).status, 201);
  EXPECT_EQ(Send("POST", actors, json::Dump(Actor("loose"))).status, 201);
  EXPECT_EQ(Send("DELETE", "/api/v1/namespaces/team").At("/status/phase"), "Terminating");
  EXPECT_EQ(Get(actors + "/loose").status, 404);
  EXPECT_EQ(Send("POST", actors, json::Dump(Actor("late"))).status, 403);
  EXPECT_EQ(Merge(actors + "/held", R"({"metadata":{"finalizers":null}})").status, 200);
  EXPECT_EQ(Get("/api/v1/namespaces/team").status, 404) << "the last object is gone";
  EXPECT_EQ(Send("DELETE", "/api/v1/namespaces/default").status, 403);
  EXPECT_EQ(Send("POST", "/api/v1/namespaces", make("team")).status, 201);
  EXPECT_EQ(Send("POST", actors, json::Dump(Actor("loose"))).status, 201);
  EXPECT_EQ(Send("DELETE", "/api/v1/namespaces/team").At("/status"), "Success");
  EXPECT_EQ(Get("/api/v1/namespaces/team").status, 404);
  EXPECT_EQ(Send("POST", "/api/v1/namespaces", make("empty")).status, 201);
  EXPECT_EQ(Send("DELETE", "/api/v1/namespaces/empty").At("/kind"), "Status");
  EXPECT_EQ(Get("/api/v1/namespaces/empty").status, 404);
}

TEST_F(TestApi, FinalizersHoldANamespace) {
  const std::string team = "/api/v1/namespaces/team";
  const std::string actors = "/apis/asya.sh/v1alpha1/namespaces/team/asyncactors";
  ASSERT_EQ(Send("POST", "/api/v1/namespaces",
                 R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"team","finalizers":["a.b/c"]}})")
                .status,
            201);
  json::Value held = Actor("held");
  held["metadata"]["finalizers"] = json::Array{"asya.sh/drain"};
  ASSERT_EQ(Send("POST", actors, json::Dump(held)).status, 201);
  ASSERT_EQ(Send("POST", actors, json::Dump(Actor("loose"))).status, 201);
  EXPECT_EQ(Send("DELETE", team).At("/status/phase"), "Terminating");
  EXPECT_EQ(Get(actors + "/loose").status, 404) << "it is emptied meanwhile";
  EXPECT_EQ(Merge(actors + "/held", R"({"metadata":{"finalizers":null}})").status, 200);
  EXPECT_EQ(Get(team).At("/metadata/finalizers"), R"(["a.b/c"])") << "the last object is gone";
  EXPECT_EQ(Send("DELETE", team).At("/status/phase"), "Terminating");
  EXPECT_EQ(Merge(team, R"({"metadata":{"finalizers":null}})").status, 200);
  EXPECT_EQ(Get(team).status, 404);
}

}  // namespace
}  // namespace asya::apiserver
