// History, diff and restore over HTTP.
#include <utility>

#include "apiserver/object.h"
#include "apiserver/test_api.h"
#include "apiserver/unique_queue.h"

namespace asya::apiserver {
namespace {

class History : public TestApi {
 protected:
  std::string Revision(const Answer& answer) { return answer.At("/metadata/resourceVersion"); }
  // The revision of a merge patch of the actor `a`.
  std::string Patch(const std::string& patch) { return Revision(Merge(Path("a"), patch)); }
  Answer Restore(const std::string& name, const std::string& body, const std::string& query = "") {
    return Send("POST", Path(name) + "/restore" + query, body);
  }
  static std::string Of(const std::string& revision) { return R"({"revision":")" + revision + "\"}"; }
  std::string Warnings(const Answer& answer) { return answer.headers.Get("Warning").value_or(""); }
  std::size_t Entries(const std::string& name) {
    return Get(Path(name) + "/history").body.Find("items")->AsArray().size();
  }
};

TEST_F(History, EachEntryShowsWhatItChanged) {
  Create(Actor("a"));
  Patch(R"({"spec":{"image":"i:2"},"metadata":{"labels":{"team":"x"}}})");
  Merge(Path("a") + "/status", R"({"status":{"phase":"Ready"}})");
  Patch(R"({"spec":{"concurrency":3},"metadata":{"labels":{"team":null}}})");
  const Answer history = Get(Path("a") + "/history");
  ASSERT_EQ(history.status, 200) << history.text;
  EXPECT_EQ(history.At("/kind"), "HistoryList");
  EXPECT_EQ(history.At("/items/0/changes"),
            R"([{"old":{"team":"x"},"path":"metadata.labels"},{"new":3,"path":"spec.concurrency"}])");
  EXPECT_EQ(history.At("/items/1/changes"),
            R"([{"new":{"team":"x"},"path":"metadata.labels"},{"new":"i:2","old":"i:1","path":"spec.image"}])")
      << "neither status nor metadata of the server";
  EXPECT_EQ(history.At("/items/2/changes"), "(absent)") << "there is nothing before it";
  EXPECT_EQ(history.At("/items/2/verb"), "create");
  EXPECT_EQ(history.At("/items/0/deleted"), "false");
}

TEST_F(History, GoesOnWhereAnAnswerEnds) {
  Create(Actor("a"));
  for (int i = 2; i <= 40; ++i) Patch(R"({"spec":{"concurrency":)" + std::to_string(i) + "}}");
  std::vector<std::string> values;
  std::string next;
  do {
    const Answer page = Get(Path("a") + "/history?limit=7" + (next.empty() ? "" : "&continue=" + next));
    ASSERT_EQ(page.status, 200) << page.text;
    for (const json::Value& item : page.body.Find("items")->AsArray()) {
      const json::Value* changes = item.Find("changes");
      values.push_back(changes == nullptr ? "first" : json::Dump(*changes->AsArray().at(0).Find("new")));
    }
    next = page.body.Find("metadata")->GetString("continue").value_or("");
  } while (!next.empty());
  ASSERT_EQ(values.size(), 40U);
  EXPECT_EQ(values[0], "40");
  EXPECT_EQ(values[7], "33") << "the last of a page is compared with the first of the next";
  EXPECT_EQ(values[39], "first");
  EXPECT_EQ(Get(Path("a") + "/history?continue=x").status, 400);
}

TEST_F(History, TellsWhatWasLiveAtATime) {
  Create(Actor("a"));
  Patch(R"({"spec":{"image":"i:2"}})");
  Send("DELETE", Path("a"));
  const Answer all = Get(Path("a") + "/history");
  const auto at = [&](const std::string& time) { return Get(Path("a") + "/history?at=" + time); };
  const Answer second = at(all.At("/items/1/time"));
  ASSERT_EQ(second.status, 200) << second.text;
  ASSERT_EQ(second.body.Find("items")->AsArray().size(), 1U);
  EXPECT_EQ(second.At("/items/0/object/spec/image"), "i:2");
  EXPECT_EQ(second.At("/items/0/changes/0/path"), "spec.image");
  EXPECT_EQ(at(all.At("/items/2/time")).At("/items/0/object/spec/image"), "i:1");
  const Answer before = at("2001-01-01T00:00:00Z");
  EXPECT_EQ(before.status, 404);
  EXPECT_EQ(before.At("/reason"), "NotFound");
  EXPECT_NE(before.At("/message").find("was not there at 2001-01-01T00:00:00Z"), std::string::npos) << before.text;
  const Answer after = at("2999-01-01T00:00:00Z");
  EXPECT_EQ(after.status, 404);
  EXPECT_NE(after.At("/message").find("ada deleted it at "), std::string::npos) << after.text;
  EXPECT_EQ(at("yesterday").status, 400);
  EXPECT_EQ(Get(Path("never") + "/history?at=2999-01-01T00:00:00Z").status, 404);
}

TEST_F(History, WhatIsBeingDeletedIsNotLive) {
  json::Value actor = Actor("a");
  actor["metadata"]["finalizers"] = json::Array{"example.org/hold"};
  const std::string first = Revision(Create(actor));
  EXPECT_EQ(Send("DELETE", Path("a")).status, 200);
  EXPECT_EQ(Get(Path("a") + "/history").At("/items/0/deleted"), "true");
  EXPECT_EQ(Get(Path("a") + "/history?at=2999-01-01T00:00:00Z").status, 404);
  const Answer refused = Restore("a", Of(first));
  EXPECT_EQ(refused.status, 409);
  EXPECT_NE(refused.At("/message").find("it is being deleted; restore it when it is gone"), std::string::npos);
  Merge(Path("a"), R"({"metadata":{"finalizers":null}})");
  EXPECT_EQ(Get(Path("a")).status, 404);
  const Answer restored = Restore("a", Of(first));
  EXPECT_EQ(restored.status, 201) << restored.text;
  EXPECT_EQ(restored.At("/metadata/finalizers"), "(absent)") << "they are of controllers, which set them again";
  EXPECT_EQ(restored.At("/metadata/deletionTimestamp"), "(absent)");
}

TEST_F(History, DiffComparesTwoRevisions) {
  const std::string first = Revision(Create(Actor("a")));
  const std::string second = Patch(R"({"spec":{"image":"i:2"}})");
  const std::string third = Patch(R"({"spec":{"concurrency":2}})");
  const Answer all = Get(Path("a") + "/diff?from=" + first + "&to=" + third);
  ASSERT_EQ(all.status, 200) << all.text;
  EXPECT_EQ(all.At("/kind"), "Diff");
  EXPECT_EQ(all.At("/metadata/name"), "a");
  EXPECT_EQ(all.At("/from/revision"), first);
  EXPECT_EQ(all.At("/from/object/spec/image"), "i:1");
  EXPECT_EQ(all.At("/to/user"), "ada");
  EXPECT_EQ(all.At("/to/object/status"), "(absent)");
  EXPECT_EQ(all.At("/to/object/metadata"), R"({"name":"a","namespace":"default"})");
  EXPECT_EQ(all.At("/changes/0/path"), "spec.concurrency");
  EXPECT_EQ(all.At("/changes/1/new"), "i:2");
  EXPECT_EQ(Get(Path("a") + "/diff?from=" + third + "&to=" + first).At("/changes/1/new"), "i:1") << "also backwards";
  const Answer last = Get(Path("a") + "/diff");
  EXPECT_EQ(last.At("/from/revision"), second) << "without from: the one before";
  EXPECT_EQ(last.At("/to/revision"), third) << "without to: the newest";
  const Answer origin = Get(Path("a") + "/diff?to=" + first);
  EXPECT_EQ(origin.At("/from"), "null");
  EXPECT_EQ(origin.At("/changes"), "(absent)");
}

TEST_F(History, DiffRefusesWhatIsNoRevision) {
  const std::string first = Revision(Create(Actor("a")));
  const std::string status = Revision(Merge(Path("a") + "/status", R"({"status":{"phase":"Ready"}})"));
  const Answer of_status = Get(Path("a") + "/diff?to=" + status);
  EXPECT_EQ(of_status.status, 404);
  EXPECT_EQ(of_status.At("/message"),
            "asyncactors.asya.sh \"a\" has no revision " + status + " in its history; the one before it is " + first);
  EXPECT_EQ(Get(Path("a") + "/diff?from=1").At("/message"),
            "asyncactors.asya.sh \"a\" has no revision 1 in its history; the newest is " + first);
  EXPECT_EQ(Get(Path("a") + "/diff?from=x").status, 400);
  EXPECT_EQ(Get(Path("a") + "/diff?from=-1").status, 400);
  EXPECT_EQ(Get(Path("never") + "/diff").status, 404);
  EXPECT_EQ(Send("POST", Path("a") + "/diff", "{}").status, 405);
  EXPECT_EQ(Get("/api/v1/namespaces/default/diff").status, 404) << "namespaces have no history";
}

TEST_F(History, RestoreIsANewWrite) {
  const Answer created = Create(Actor("a"));
  Patch(R"({"spec":{"image":"i:2","concurrency":4},"metadata":{"labels":{"team":"x"}}})");
  Merge(Path("a") + "/status", R"({"status":{"phase":"Ready"}})");
  const Answer restored = Restore("a", Of(Revision(created)));
  ASSERT_EQ(restored.status, 200) << restored.text;
  EXPECT_EQ(restored.At("/spec"), created.At("/spec"));
  EXPECT_EQ(restored.At("/metadata/labels"), "(absent)");
  EXPECT_EQ(restored.At("/metadata/uid"), created.At("/metadata/uid"));
  EXPECT_EQ(restored.At("/metadata/creationTimestamp"), created.At("/metadata/creationTimestamp"));
  EXPECT_EQ(restored.At("/metadata/generation"), "3");
  EXPECT_EQ(restored.At("/status/phase"), "Ready") << "status is never restored";
  EXPECT_EQ(Get(Path("a")).text, restored.text);
  const Answer history = Get(Path("a") + "/history");
  EXPECT_EQ(history.At("/items/0/verb"), "restore");
  EXPECT_EQ(history.At("/items/0/revision"), Revision(restored));
  EXPECT_EQ(Entries("a"), 3U);
  const Answer again = Restore("a", R"({"revision":)" + Revision(created) + "}");
  EXPECT_EQ(again.status, 200) << "a number will do";
  EXPECT_EQ(Revision(again), Revision(restored));
  EXPECT_NE(Warnings(again).find("nothing was written"), std::string::npos) << Warnings(again);
  EXPECT_EQ(Entries("a"), 3U);
}

TEST_F(History, RestoreKeepsWhatControllersOwn) {
  const std::string first = Revision(Create(Actor("a")));
  Patch(R"({"metadata":{"finalizers":["example.org/hold"],"annotations":{"asya.sh/force-delete":"true"}}})");
  const std::string forced = Patch(R"({"spec":{"image":"i:2"}})");
  const Answer restored = Restore("a", Of(first));
  EXPECT_EQ(restored.At("/metadata/finalizers"), R"(["example.org/hold"])") << restored.text;
  EXPECT_EQ(restored.At("/metadata/annotations"), "(absent)");
  const Answer forward = Restore("a", Of(forced));
  EXPECT_EQ(forward.At("/spec/image"), "i:2");
  EXPECT_EQ(forward.At("/metadata/annotations"), "(absent)") << "nobody means to drop the queue by a restore";
}

TEST_F(History, RestoreTracksWhoOwnsTheFields) {
  const auto apply = [&](const std::string& image) {
    return Send("PATCH", Path("a") + "?fieldManager=ci",
                R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor",)"
                R"("metadata":{"name":"a"},"spec":{"handler":"m.f","image":")" +
                    image + "\"}}",
                {{"Content-Type", "application/apply-patch+yaml"}});
  };
  const std::string first = Revision(apply("i:1"));
  apply("i:2");
  const Answer restored = Restore("a", Of(first), "?fieldManager=night-shift");
  ASSERT_EQ(restored.status, 200) << restored.text;
  EXPECT_EQ(restored.At("/metadata/managedFields/1/manager"), "night-shift") << restored.text;
  EXPECT_EQ(restored.At("/metadata/managedFields/1/subresource"), "(absent)");
  EXPECT_EQ(apply("i:3").status, 409) << "the field is of who restored it";
}

TEST_F(History, WhatWasDeletedIsCreatedAgain) {
  json::Value actor = Actor("a");
  actor["metadata"]["labels"]["team"] = "x";
  const Answer created = Create(actor);
  Patch(R"({"spec":{"image":"i:2"}})");
  Send("DELETE", Path("a"));
  const Answer versioned = Restore("a", R"({"revision":")" + Revision(created) + R"(","resourceVersion":"5"})");
  EXPECT_EQ(versioned.status, 409) << "it has no version any more";
  EXPECT_EQ(Restore("a", Of(Revision(created)), "?dryRun=All").status, 201);
  EXPECT_EQ(Get(Path("a")).status, 404) << "it was a dry run";
  const Answer restored = Restore("a", Of(Revision(created)));
  ASSERT_EQ(restored.status, 201) << restored.text;
  EXPECT_EQ(restored.At("/spec/image"), "i:1");
  EXPECT_EQ(restored.At("/metadata/labels/team"), "x");
  EXPECT_NE(restored.At("/metadata/uid"), created.At("/metadata/uid"));
  EXPECT_EQ(restored.At("/metadata/generation"), "1");
  EXPECT_EQ(restored.At("/status/phase"), "Creating");
  const Answer history = Get(Path("a") + "/history");
  EXPECT_EQ(history.At("/items/0/verb"), "restore");
  EXPECT_EQ(history.At("/items/0/changes"), "(absent)") << "of a new object nothing comes before it";
  EXPECT_EQ(history.At("/items/1/deleted"), "true");
}

TEST_F(History, OfTwoObjectsOfOneNameTheUidTellsWhich) {
  const Answer first = Create(Actor("a"));
  Patch(R"({"spec":{"image":"i:2"}})");
  Send("DELETE", Path("a"));
  const Answer second = Create(Actor("a", R"({"image":"other","handler":"m.g"})"));
  const std::string uid = first.At("/metadata/uid");
  EXPECT_EQ(Get(Path("a") + "/history?uid=" + uid).body.Find("items")->AsArray().size(), 3U);
  EXPECT_EQ(Get(Path("a") + "/diff?uid=" + uid + "&to=" + Revision(second)).status, 404);
  EXPECT_EQ(
      Restore("a", R"({"uid":")" + second.At("/metadata/uid") + R"(","revision":")" + Revision(first) + "\"}").status,
      404)
      << "the revision is of the other one";
  const Answer restored = Restore("a", R"({"uid":")" + uid + "\"}");
  ASSERT_EQ(restored.status, 200) << restored.text;
  EXPECT_EQ(restored.At("/spec/image"), "i:2") << "the last state of the first";
  EXPECT_EQ(restored.At("/metadata/uid"), second.At("/metadata/uid"));
  EXPECT_NE(Warnings(restored).find("of an earlier object of this name"), std::string::npos) << Warnings(restored);
  EXPECT_EQ(Restore("a", R"({"uid":"nobody"})").status, 404);
  EXPECT_EQ(Get("/apis/asya.sh/v1alpha1/namespaces/other/asyncactors/a/history?uid=" + uid).status, 404)
      << "a uid opens no other namespace";
}

TEST_F(History, RestoreIsValidatedAndAdmittedLikeAnyUpdate) {
  const Answer first = Create(Actor("a", R"({"image":"i:1","handler":"m.f","actor":"one"})"));
  Send("DELETE", Path("a"));
  Create(Actor("a", R"({"image":"i:1","handler":"m.f","actor":"two"})"));
  const Answer refused = Restore("a", Of(Revision(first)));
  EXPECT_EQ(refused.status, 422) << "the identity of an actor cannot be changed";
  EXPECT_EQ(refused.At("/reason"), "Invalid");
  EXPECT_EQ(refused.At("/details/causes/0/field"), "spec.actor") << refused.text;

  const auto nobody = [](const std::string&) { return std::optional<QueueOwner>(); };
  const Answer old = Create(Actor("b"));
  Send("DELETE", Path("b"));
  Open({}, {UniqueQueue(store_, RealClock(), nobody)});
  ASSERT_EQ(Create(Actor("c", R"({"image":"i","handler":"m.f","actor":"b"})")).status, 201);
  const Answer clash = Restore("b", Of(Revision(old)));
  EXPECT_EQ(clash.status, 422) << "its queue is another's by now";
  EXPECT_EQ(clash.At("/details/causes/0/reason"), "FieldValueDuplicate");
}

TEST_F(History, ADryRunStoresNothing) {
  const std::string first = Revision(Create(Actor("a")));
  const std::string second = Patch(R"({"spec":{"image":"i:2"}})");
  const Answer tried = Restore("a", Of(first), "?dryRun=All");
  EXPECT_EQ(tried.status, 200);
  EXPECT_EQ(tried.At("/spec/image"), "i:1");
  EXPECT_EQ(Revision(Get(Path("a"))), second);
  EXPECT_EQ(Entries("a"), 2U);
}

TEST_F(History, AVersionMayBeDemanded) {
  const std::string first = Revision(Create(Actor("a")));
  const std::string second = Patch(R"({"spec":{"image":"i:2"}})");
  Patch(R"({"spec":{"image":"i:3"}})");
  const std::string demanding = R"({"revision":")" + first + R"(","resourceVersion":")";
  const Answer stale = Restore("a", demanding + second + "\"}");
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.At("/reason"), "Conflict");
  EXPECT_EQ(Restore("a", demanding + Revision(Get(Path("a"))) + "\"}").status, 200);
}

TEST_F(History, AWriterInBetweenDoesNotEndARestore) {
  http::Client another;
  std::string body;  // what another client writes once, between admission and store
  const auto in_between = [&](AdmissionRequest& request) -> Outcome<Done> {
    if (request.call.info.verb != "restore" || body.empty()) return Done{};
    const bool creates = request.old == nullptr;
    const HeaderList headers{{"Content-Type", creates ? "application/json" : "application/merge-patch+json"}};
    const std::string path = creates ? std::string(kActors) : Path("a");
    const auto answer =
        another.Call(MakeRequest(creates ? "POST" : "PATCH", path, std::exchange(body, std::string()), headers));
    EXPECT_TRUE(answer.ok() && answer->status < 300);
    return Done{};
  };
  Open({}, {in_between});
  const std::string first = Revision(Create(Actor("a")));
  const std::string second = Patch(R"({"spec":{"image":"i:2"}})");
  body = R"({"spec":{"concurrency":7}})";
  const Answer demanding = Restore("a", R"({"revision":")" + first + R"(","resourceVersion":")" + second + "\"}");
  EXPECT_EQ(demanding.status, 409) << "who demands a version is told";
  body = R"({"spec":{"concurrency":8}})";
  const Answer restored = Restore("a", Of(first));
  EXPECT_EQ(restored.status, 200) << restored.text;
  EXPECT_EQ(restored.At("/spec"), R"({"handler":"m.f","image":"i:1"})");
  Send("DELETE", Path("a"));
  body = json::Dump(Actor("a", R"({"image":"other","handler":"m.f"})"));
  const Answer over = Restore("a", Of(first));
  EXPECT_EQ(over.status, 200) << "somebody else created it: it is there now";
  EXPECT_EQ(over.At("/spec/image"), "i:1");
}

TEST_F(History, RestoreRefusesWhatItCannotRead) {
  const std::string first = Revision(Create(Actor("a")));
  for (const char* body : {"", "{}", R"({"revision":"x"})", R"({"revision":0})", R"({"revision":-3})",
                           R"({"revision":[1]})", R"({"revision":"007"})"}) {
    const Answer answer = Restore("a", body);
    EXPECT_EQ(answer.status, 422) << body << answer.text;
    EXPECT_EQ(answer.At("/details/causes/0/field"), "revision") << body;
  }
  EXPECT_EQ(Restore("a", R"({"revison":"1"})").At("/message"),
            "unknown field \"revison\"; revision, uid and resourceVersion are accepted");
  EXPECT_EQ(Restore("a", "[]").status, 400);
  EXPECT_EQ(Restore("a", "{").status, 400);
  EXPECT_EQ(Restore("a", R"({"kind":"Scale","revision":"1"})").status, 400);
  EXPECT_EQ(Restore("a", Of("99999")).status, 404);
  EXPECT_EQ(Restore("never", Of(first)).status, 404);
  EXPECT_EQ(Restore("a", Of(first), "?dryRun=Some").status, 422);
  EXPECT_EQ(Get(Path("a") + "/restore").status, 405);
  EXPECT_EQ(Send("POST", Path("a") + "/restore", Of(first), {{"Content-Type", "text/html"}}).status, 415);
}

TEST_F(History, EachPartIsASubresourceOfItsOwn) {
  std::vector<std::string> asked;
  Open({}, {}, [&](const Call& call) -> Outcome<Done> {
    asked.push_back(call.info.verb + " " + call.info.resource + "/" + call.info.subresource);
    if (call.info.subresource != "restore") return Done{};
    return Forbidden(*call.resource, call.info.name, "ada may not restore");
  });
  const std::string first = Revision(Create(Actor("a")));
  asked.clear();
  EXPECT_EQ(Get(Path("a") + "/history").status, 200);
  EXPECT_EQ(Get(Path("a") + "/diff").status, 200);
  EXPECT_EQ(Restore("a", Of(first)).status, 403);
  EXPECT_EQ(asked, (std::vector<std::string>{"get asyncactors/history", "get asyncactors/diff",
                                             "create asyncactors/restore"}));
}

TEST_F(History, ClusterScopedKindsHaveItToo) {
  const std::string flavors = "/apis/asya.sh/v1alpha1/flavors";
  const Answer made = Send("POST", flavors,
                           R"({"apiVersion":"asya.sh/v1alpha1","kind":"Flavor",)"
                           R"("metadata":{"name":"small"},"spec":{"concurrency":1}})");
  ASSERT_EQ(made.status, 201) << made.text;
  Merge(flavors + "/small", R"({"spec":{"concurrency":2}})");
  const Answer diff = Get(flavors + "/small/diff");
  EXPECT_EQ(diff.At("/changes"), R"([{"new":2,"old":1,"path":"spec.concurrency"}])");
  EXPECT_EQ(diff.At("/metadata/namespace"), "(absent)");
  EXPECT_EQ(Send("POST", flavors + "/small/restore", Of(Revision(made))).At("/spec/concurrency"), "1");
  Send("DELETE", flavors + "/small");
  EXPECT_EQ(Send("POST", flavors + "/small/restore", Of(Revision(made))).status, 201);
}

TEST_F(History, IsDescribedByOpenApi) {
  const json::Value document = Get("/openapi/v3/apis/asya.sh/v1alpha1").body;
  const json::Value* paths = document.Find("paths");
  ASSERT_NE(paths, nullptr);
  const std::string actor = "/apis/asya.sh/v1alpha1/namespaces/{namespace}/asyncactors/{name}/";
  const auto answer = [&](const std::string& path, const char* method) {
    const json::Value* schema =
        paths->Find(path) == nullptr
            ? nullptr
            : paths->Find(path)->FindPath({method, "responses", "200", "content", "application/json", "schema"});
    return schema == nullptr ? std::string() : schema->GetString("$ref").value_or("");
  };
  const std::string schemas = "#/components/schemas/sh.asya.v1alpha1.";
  EXPECT_EQ(answer(actor + "history", "get"), schemas + "HistoryList");
  EXPECT_EQ(answer(actor + "diff", "get"), schemas + "Diff");
  EXPECT_EQ(answer(actor + "restore", "post"), schemas + "AsyncActor");
  EXPECT_EQ(answer("/apis/asya.sh/v1alpha1/flavors/{name}/diff", "get"), schemas + "Diff");
}

TEST_F(History, IsShownByDiscovery) {
  const Answer plain = Get("/apis/asya.sh/v1alpha1");
  for (const char* entry : {R"("kind":"HistoryList","name":"asyncactors/history")",
                            R"("kind":"Diff","name":"flows/diff")", R"("kind":"Restore","name":"flavors/restore")"}) {
    EXPECT_NE(plain.text.find(entry), std::string::npos) << plain.text;
  }
  EXPECT_EQ(Get("/api/v1").text.find("history"), std::string::npos);
  const Answer aggregated =
      Get("/apis", {{"Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}});
  EXPECT_NE(aggregated.text.find(R"("subresource":"restore","verbs":["create"])"), std::string::npos)
      << aggregated.text;
}

}  // namespace
}  // namespace asya::apiserver
