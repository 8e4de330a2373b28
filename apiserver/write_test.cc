#include "apiserver/object.h"
#include "apiserver/test_api.h"
#include "apiserver/unique_queue.h"

namespace asya::apiserver {
namespace {

std::string FirstWarning(const Answer& answer) { return answer.headers.Get("Warning").value_or("(none)"); }

TEST_F(TestApi, CreateCompletesMetadataAndDropsStatus) {
  json::Value actor = Actor("prep");
  actor["metadata"]["uid"] = "mine";
  actor["metadata"]["generation"] = 7;
  actor["metadata"]["creationTimestamp"] = nullptr;
  actor["status"]["phase"] = "Ready";
  const Answer created = Create(actor);
  ASSERT_EQ(created.status, 201) << created.text;
  EXPECT_EQ(created.At("/metadata/namespace"), "default");
  EXPECT_EQ(created.At("/metadata/uid").size(), 36U);
  EXPECT_EQ(created.At("/metadata/generation"), "1");
  EXPECT_EQ(created.At("/status/phase"), "Creating");
  EXPECT_EQ(created.At("/status/observedGeneration"), "0");
  EXPECT_EQ(created.At("/status/conditions/0/status"), "Unknown");
  EXPECT_GT(std::stoll(created.At("/metadata/resourceVersion")), 0);
  EXPECT_EQ(Get(Path("prep")).text, created.text);
}

TEST_F(TestApi, CreateRefusesWhatKubernetesRefuses) {
  ASSERT_EQ(Create(Actor("a")).status, 201);
  const Answer again = Create(Actor("a"));
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.At("/reason"), "AlreadyExists");
  EXPECT_EQ(again.At("/message"), "asyncactors.asya.sh \"a\" already exists");
  EXPECT_EQ(again.At("/details/kind"), "asyncactors");

  json::Value versioned = Actor("b");
  versioned["metadata"]["resourceVersion"] = "5";
  EXPECT_EQ(Create(versioned).status, 500);
  json::Value elsewhere = Actor("b");
  elsewhere["metadata"]["namespace"] = "other";
  EXPECT_EQ(Create(elsewhere).At("/message"),
            "the namespace of the provided object does not match the namespace sent on the request");
  json::Value wrong_kind = Actor("b");
  wrong_kind["kind"] = "Flow";
  EXPECT_EQ(Create(wrong_kind).status, 400);
  json::Value wrong_version = Actor("b");
  wrong_version["apiVersion"] = "asya.sh/v2";
  EXPECT_EQ(Create(wrong_version).status, 400);
  EXPECT_EQ(Send("POST", kActors, "{nonsense").status, 400);
  EXPECT_EQ(Send("POST", kActors, "[]").status, 400);
  EXPECT_EQ(Send("POST", kActors, R"({"kind":"AsyncActor","apiVersion":"asya.sh/v1alpha1","metadata":5})").status, 400);
  EXPECT_EQ(Send("POST", kActors, "x", {{"Content-Type", "text/html"}}).status, 415);
  EXPECT_EQ(Send("POST", kActors, std::string((3U << 20U) + 1, ' ')).status, 413);
  const Answer missing = Send("POST", "/apis/asya.sh/v1alpha1/namespaces/none/asyncactors", json::Dump(Actor("a")));
  EXPECT_EQ(missing.At("/message"), "namespaces \"none\" not found");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(Send("POST", "/apis/asya.sh/v1alpha1/asyncactors", json::Dump(Actor("a"))).status, 405);
}

TEST_F(TestApi, BodiesMayBeYaml) {
  const HeaderList yaml{{"Content-Type", "application/yaml"}};
  const std::string actor =
      "apiVersion: asya.sh/v1alpha1\nkind: AsyncActor\nmetadata: {name: y}\nspec: {image: i, handler: m.f}\n";
  EXPECT_EQ(Send("POST", kActors, actor, yaml).status, 201);
  EXPECT_EQ(Send("POST", kActors, "a: [", yaml).status, 400);
}

TEST_F(TestApi, AnUpdateWithoutARevisionReplacesANamespaceButNoActor) {
  const auto team = [](const std::string& label) {
    return R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"team","labels":{"a":")" + label + "\"}}}";
  };
  ASSERT_EQ(Send("POST", "/api/v1/namespaces", team("x")).status, 201);
  const Answer replaced = Send("PUT", "/api/v1/namespaces/team", team("y"));
  EXPECT_EQ(replaced.status, 200) << replaced.text;
  EXPECT_EQ(replaced.At("/metadata/labels/a"), "y");
  EXPECT_EQ(replaced.At("/status/phase"), "Active") << "that is the server's";
  EXPECT_EQ(replaced.At("/spec/finalizers"), R"(["kubernetes"])");
  ASSERT_EQ(Create(Actor("a")).status, 201);
  EXPECT_EQ(Send("PUT", Path("a"), json::Dump(Actor("a"))).status, 422);
  EXPECT_EQ(Send("PUT", Path("b"), json::Dump(Actor("b"))).status, 404);
}

TEST_F(TestApi, NamespacesComeAsProtobufToo) {
  const auto field = [](char number, const std::string& text) {
    return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(text.size())} + text;
  };
  const std::string metadata = field(1, "team") + field(11, field(1, "a") + field(2, "b"));
  const std::string body =
      std::string("k8s\0", 4) + field(1, field(1, "v1") + field(2, "Namespace")) + field(2, field(1, metadata));
  const HeaderList protobuf{{"Content-Type", "application/vnd.kubernetes.protobuf"}};
  const Answer made = Send("POST", "/api/v1/namespaces", body, protobuf);
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.At("/metadata/name"), "team");
  EXPECT_EQ(made.At("/metadata/labels/a"), "b");
  EXPECT_EQ(Send("POST", "/api/v1/namespaces", body.substr(0, body.size() - 1), protobuf).status, 400);
  EXPECT_EQ(Send("POST", kActors, body, protobuf).status, 415);
}

TEST_F(TestApi, InvalidObjectsNameEveryFieldAtOnce) {
  const Answer answer =
      Create(Actor("Bad_Name", R"({"handler":5,"scaling":{"minReplicaCount":5,"maxReplicaCount":3}})"));
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.At("/reason"), "Invalid");
  EXPECT_EQ(answer.At("/details/kind"), "AsyncActor");
  EXPECT_EQ(answer.At("/details/group"), "asya.sh");
  EXPECT_EQ(answer.At("/message").rfind("AsyncActor.asya.sh \"Bad_Name\" is invalid: ", 0), 0U)
      << answer.At("/message");
  const std::string causes = answer.At("/details/causes");
  for (const char* field : {"metadata.name", "spec.handler", "spec.scaling.minReplicaCount"}) {
    EXPECT_NE(causes.find(field), std::string::npos) << field << " in " << causes;
  }
}

TEST_F(TestApi, GeneratedNamesDiffer) {
  json::Value actor = Actor("x");
  actor["metadata"] = json::Object{{"generateName", "run-"}};
  const std::string first = Create(actor).At("/metadata/name");
  const std::string second = Create(actor).At("/metadata/name");
  EXPECT_EQ(first.size(), 9U) << first;
  EXPECT_EQ(first.rfind("run-", 0), 0U);
  EXPECT_NE(first, second);
}

TEST_F(TestApi, WhatIsAskedForInVainIsWarnedOf) {
  const json::Value actor = Actor("a", R"({"image":"i","handler":"m.f","tracing":{"endpoint":"http://o:4318"}})");
  EXPECT_EQ(FirstWarning(Create(actor)), "(none)");
  const Answer patched = Send("PATCH", Path("a"), R"({"spec":{"tracing":{"protocol":"grpc"}}})",
                              {{"Content-Type", "application/merge-patch+json"}});
  EXPECT_EQ(patched.status, 200);
  EXPECT_NE(FirstWarning(patched).find("no spans are sent"), std::string::npos) << FirstWarning(patched);
}

TEST_F(TestApi, UnknownAndRepeatedFieldsAreWarnedOfRefusedOrIgnored) {
  const json::Value actor = Actor("a", R"({"image":"i","handler":"m.f","foo":1})");
  const Answer warned = Create(actor);
  EXPECT_EQ(warned.status, 201);
  EXPECT_EQ(FirstWarning(warned), R"(299 - "unknown field \"spec.foo\"")");
  EXPECT_EQ(warned.At("/spec/foo"), "(absent)");
  const Answer strict = Create(Actor("b", R"({"image":"i","handler":"m.f","foo":1})"), "?fieldValidation=Strict");
  EXPECT_EQ(strict.status, 400);
  EXPECT_NE(strict.At("/message").find(R"(strict decoding error: unknown field "spec.foo")"), std::string::npos);
  const Answer both =
      Create(Actor("b", R"({"handler":"m.f","foo":1,"scaling":{"minReplicaCount":-1}})"), "?fieldValidation=Strict");
  EXPECT_EQ(both.status, 400);
  for (const char* field : {R"(unknown field "spec.foo")", "spec.image", "spec.scaling.minReplicaCount"}) {
    EXPECT_NE(both.At("/message").find(field), std::string::npos) << both.At("/message");
  }
  EXPECT_EQ(both.At("/details/causes/0/field"), "spec.foo") << both.text;
  EXPECT_EQ(both.At("/details/causes/2/field"), "spec.image") << both.text;
  const Answer ignored = Create(Actor("c", R"({"image":"i","handler":"m.f","foo":1})"), "?fieldValidation=Ignore");
  EXPECT_EQ(FirstWarning(ignored), "(none)");
  EXPECT_EQ(Create(Actor("d"), "?fieldValidation=Sometimes").status, 422);
  const std::string repeated = R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":"r"},)"
                               R"("spec":{"image":"a","image":"b","handler":"m.f"}})";
  EXPECT_EQ(Send("POST", std::string(kActors) + "?fieldValidation=Strict", repeated).status, 400);
  EXPECT_EQ(FirstWarning(Send("POST", kActors, repeated)), R"(299 - "duplicate field \"spec.image\"")");
  const Answer patched = Send("PATCH", Path("a") + "?fieldValidation=Strict", R"({"spec":{"bar":1}})",
                              {{"Content-Type", "application/merge-patch+json"}});
  EXPECT_EQ(patched.status, 422) << patched.text;
}

TEST_F(TestApi, UpdateNeedsTheLatestVersion) {
  json::Value actor = Create(Actor("a")).body;
  json::Value unversioned = actor;
  unversioned["metadata"].AsObject().erase("resourceVersion");
  const Answer without = Send("PUT", Path("a"), json::Dump(unversioned));
  EXPECT_EQ(without.status, 422);
  EXPECT_EQ(without.At("/details/causes/0/field"), "metadata.resourceVersion");
  actor["spec"]["image"] = "i:2";
  const Answer updated = Send("PUT", Path("a"), json::Dump(actor));
  ASSERT_EQ(updated.status, 200) << updated.text;
  EXPECT_EQ(updated.At("/metadata/generation"), "2");
  const Answer stale = Send("PUT", Path("a"), json::Dump(actor));
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.At("/reason"), "Conflict");
  EXPECT_EQ(
      stale.At("/message"),
      "Operation cannot be fulfilled on asyncactors.asya.sh \"a\": the object has been modified; please apply your "
      "changes to the latest version and try again");
  json::Value other_uid = updated.body;
  other_uid["metadata"]["uid"] = "another";
  EXPECT_EQ(Send("PUT", Path("a"), json::Dump(other_uid)).status, 409);
  EXPECT_EQ(Send("PUT", Path("b"), json::Dump(updated.body)).status, 400) << "the name is another";
  json::Value absent = updated.body;
  absent["metadata"]["name"] = "b";
  EXPECT_EQ(Send("PUT", Path("b"), json::Dump(absent)).status, 404);
}

TEST_F(TestApi, GenerationCountsChangesOfTheSpecOnly) {
  Create(Actor("a"));
  EXPECT_EQ(Merge(Path("a"), R"({"metadata":{"labels":{"x":"1"}}})").At("/metadata/generation"), "1");
  EXPECT_EQ(Merge(Path("a"), R"({"status":{"phase":"Ready"}})").At("/status/phase"), "Creating")
      << "the main path does not write status";
  EXPECT_EQ(Merge(Path("a"), R"({"spec":{"image":"i:2"}})").At("/metadata/generation"), "2");
  const Answer status = Merge(Path("a") + "/status", R"({"spec":{"image":"i:3"},"status":{"phase":"Ready"}})");
  EXPECT_EQ(status.At("/status/phase"), "Ready") << status.text;
  EXPECT_EQ(status.At("/spec/image"), "i:2");
  EXPECT_EQ(status.At("/metadata/generation"), "2");
}

TEST_F(TestApi, AWriteThatChangesNothingIsNone) {
  const Answer created = Create(Actor("a"));
  const Answer merged = Merge(Path("a"), R"({"spec":{"image":"i:1"},"metadata":{"labels":{}}})");
  EXPECT_EQ(merged.status, 200);
  EXPECT_EQ(merged.At("/metadata/resourceVersion"), created.At("/metadata/resourceVersion"));
  EXPECT_EQ(Send("PUT", Path("a"), created.text).At("/metadata/resourceVersion"),
            created.At("/metadata/resourceVersion"));
}

TEST_F(TestApi, PatchesOfBothKindsAndRefusalsOfOthers) {
  Create(Actor("a"));
  EXPECT_EQ(JsonPatch(Path("a"), R"([{"op":"test","path":"/spec/image","value":"i:1"},)"
                                 R"({"op":"replace","path":"/spec/image","value":"i:2"}])")
                .At("/spec/image"),
            "i:2");
  const Answer failed = JsonPatch(Path("a"), R"([{"op":"test","path":"/spec/image","value":"x"}])");
  EXPECT_EQ(failed.status, 422);
  EXPECT_EQ(failed.At("/reason"), "Invalid");
  EXPECT_EQ(JsonPatch(Path("a"), R"([{"op":"jump"}])").status, 400);
  EXPECT_EQ(JsonPatch(Path("a"), R"([{"op":"replace","path":"","value":1}])").status, 422);
  EXPECT_EQ(Merge(Path("a"), "[]").status, 400);
  EXPECT_EQ(Merge(Path("none"), "{}").status, 404);
  EXPECT_EQ(Merge(Path("a"), R"({"metadata":{"name":"b"}})").status, 400);
  EXPECT_EQ(Merge(Path("a"), R"({"metadata":{"resourceVersion":"1"}})").status, 409) << "stale";
  const Answer strategic = Send("PATCH", Path("a"), "{}", {{"Content-Type", "application/strategic-merge-patch+json"}});
  EXPECT_EQ(strategic.status, 415);
  EXPECT_NE(strategic.At("/message").find("application/apply-patch+yaml"), std::string::npos);
}

TEST_F(TestApi, ConcurrentPatchesAllLand) {
  Create(Actor("a"));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      const Answer answer = Merge(Path("a"), R"({"metadata":{"labels":{"k)" + std::to_string(i) + R"(":"v"}}})");
      EXPECT_EQ(answer.status, 200) << answer.text;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Get(Path("a")).At("/metadata/labels"), R"({"k0":"v","k1":"v","k2":"v","k3":"v"})");
}

TEST_F(TestApi, DryRunsCheckEverythingAndStoreNothing) {
  const Answer created = Create(Actor("a"), "?dryRun=All");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.At("/metadata/resourceVersion"), "(absent)");
  EXPECT_EQ(Get(Path("a")).status, 404);
  EXPECT_EQ(Create(Actor("a", "{}"), "?dryRun=All").status, 422);
  EXPECT_EQ(Create(Actor("a"), "?dryRun=Some").status, 422);
  const Answer real = Create(Actor("a"));
  EXPECT_EQ(Create(Actor("a"), "?dryRun=All").status, 409);
  const Answer patched = Merge(Path("a") + "?dryRun=All", R"({"spec":{"image":"i:9"}})");
  EXPECT_EQ(patched.At("/spec/image"), "i:9");
  EXPECT_EQ(patched.At("/metadata/generation"), "2");
  EXPECT_EQ(Send("DELETE", Path("a") + "?dryRun=All").status, 200);
  EXPECT_EQ(Get(Path("a")).text, real.text);
}

TEST_F(TestApi, ScaleSetsReplicasWhereScalingIsOff) {
  Create(Actor("on"));
  Create(Actor("off", R"({"image":"i","handler":"m.f","scaling":{"enabled":false}})"));
  EXPECT_EQ(Get(Path("off") + "/scale").At("/spec/replicas"), "1");
  EXPECT_EQ(Get(Path("off") + "/scale").At("/apiVersion"), "autoscaling/v1");
  EXPECT_EQ(Get(Path("off") + "/scale").At("/status/selector"), "asya.sh/actor=off");
  EXPECT_EQ(Merge(Path("off") + "/scale", R"({"spec":{"replicas":3}})").At("/spec/replicas"), "3");
  EXPECT_EQ(Get(Path("off")).At("/spec/replicas"), "3");
  json::Value scale = Get(Path("off") + "/scale").body;
  scale["spec"]["replicas"] = 4;
  EXPECT_EQ(Send("PUT", Path("off") + "/scale", json::Dump(scale)).At("/spec/replicas"), "4");
  EXPECT_EQ(Send("PUT", Path("off") + "/scale", json::Dump(scale)).status, 409) << "its version is old";
  const Answer refused = Merge(Path("on") + "/scale", R"({"spec":{"replicas":3}})");
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.At("/message").find("spec.scaling.minReplicaCount"), std::string::npos);
}

TEST_F(TestApi, ScaleReadsTheFlavorsOfAnActorThatSaysNothingItself) {
  const auto flavor = [this](const std::string& name, const std::string& spec) {
    const std::string object = R"({"apiVersion":"asya.sh/v1alpha1","kind":"Flavor","metadata":{"name":")" + name +
                               R"("},"spec":)" + spec + "}";
    ASSERT_EQ(Send("POST", "/apis/asya.sh/v1alpha1/flavors", object).status, 201);
  };
  flavor("gpu", R"({"scaling":{"maxReplicaCount":2}})");
  flavor("fixed", R"({"scaling":{"enabled":false},"replicas":2})");
  Create(Actor("a", R"({"image":"i","handler":"m.f","flavors":["gpu","fixed","gone"]})"));
  Create(Actor("own", R"({"image":"i","handler":"m.f","flavors":["fixed"],"scaling":{"maxReplicaCount":5}})"));
  const std::string scale = Path("a") + "/scale";
  EXPECT_EQ(Get(scale).At("/spec/replicas"), "2");
  const Answer patched = Merge(scale, R"({"spec":{"replicas":3}})");
  ASSERT_EQ(patched.status, 200) << patched.text;
  EXPECT_EQ(patched.At("/spec/replicas"), "3");
  EXPECT_EQ(Get(Path("a")).At("/spec/replicas"), "3");
  json::Value four = Get(scale).body;
  four["spec"]["replicas"] = 4;
  EXPECT_EQ(Send("PUT", scale, json::Dump(four)).At("/spec/replicas"), "4");
  const Answer applied =
      Send("PATCH", scale + "?fieldManager=me&force=true",
           R"({"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"a"},"spec":{"replicas":5}})",
           {{"Content-Type", "application/apply-patch+yaml"}});
  EXPECT_EQ(applied.At("/spec/replicas"), "5") << applied.text;
  EXPECT_EQ(Merge(Path("own") + "/scale", R"({"spec":{"replicas":3}})").status, 422) << "its own scaling is on";
}

TEST_F(TestApi, HistoryTellsWhoWroteWhatAndSurvivesDeletion) {
  const std::string uid = Create(Actor("a")).At("/metadata/uid");
  Merge(Path("a"), R"({"spec":{"image":"i:2"}})");
  Merge(Path("a") + "/status", R"({"status":{"phase":"Ready"}})");
  Send("DELETE", Path("a"));
  const Answer history = Get(Path("a") + "/history?uid=" + uid);
  ASSERT_EQ(history.status, 200) << history.text;
  ASSERT_EQ(history.body.Find("items")->AsArray().size(), 3U) << "status writes are not kept: " << history.text;
  EXPECT_EQ(history.At("/items/0/verb"), "delete");
  EXPECT_EQ(history.At("/items/1/verb"), "patch");
  EXPECT_EQ(history.At("/items/1/user"), "ada");
  EXPECT_EQ(history.At("/items/1/object/spec/image"), "i:2");
  EXPECT_EQ(Get(Path("never") + "/history").status, 404);
}

TEST_F(TestApi, AdmissionAndAuthorizationHaveTheirPlace) {
  const Admission no_red = [](AdmissionRequest& request) -> Outcome<Done> {
    if (request.object.FindPath({"metadata", "labels", "red"}) == nullptr) return Done{};
    return Forbidden(*request.call.resource, "x", "no red");
  };
  Open({}, {no_red}, [](const Call& call) -> Outcome<Done> {
    if (call.info.verb != "deletecollection") return Done{};
    return Forbidden(*call.resource, "", "User \"" + call.user.name + "\" cannot deletecollection");
  });
  json::Value actor = Actor("a");
  actor["metadata"]["labels"]["red"] = "1";
  EXPECT_EQ(Create(actor).status, 403);
  EXPECT_EQ(Create(Actor("a")).status, 201);
  EXPECT_EQ(Send("DELETE", kActors).status, 403);
}

TEST_F(TestApi, AnActorCannotTakeTheQueueOfAnother) {
  const auto nobody = [](const std::string&) { return std::optional<QueueOwner>(); };
  Open({}, {UniqueQueue(store_, RealClock(), nobody)});
  ASSERT_EQ(Create(Actor("first", R"({"image":"i:1","handler":"m.f","actor":"a-b"})")).status, 201);
  const Answer clash = Create(Actor("a-b"));
  EXPECT_EQ(clash.status, 422) << "also before the index has seen the first";
  EXPECT_EQ(clash.At("/details/causes/0/reason"), "FieldValueDuplicate");
  EXPECT_EQ(clash.At("/details/causes/0/field"), "metadata.name");
  EXPECT_NE(clash.At("/message").find("actor \"first\" in namespace \"default\""), std::string::npos);
  EXPECT_EQ(Create(Actor("a-b"), "?dryRun=All").status, 422);
  EXPECT_EQ(Create(Actor("first")).status, 409) << "the same actor exists, which is no clash of queues";
  EXPECT_EQ(Create(Actor("other")).status, 201);
  EXPECT_EQ(Merge(Path("first"), R"({"spec":{"concurrency":2}})").status, 200);
}

TEST_F(TestApi, OfTwoCreatesAtTheSameMomentOneClaimsTheQueue) {
  const auto nobody = [](const std::string&) { return std::optional<QueueOwner>(); };
  const Admission unique = UniqueQueue(store_, RealClock(), nobody);
  // The second comes between the admission of the first and its way into the store.
  http::Client another;
  std::optional<http::ClientResponse> second;
  Open({}, {unique, [&](AdmissionRequest& request) -> Outcome<Done> {
              if (MetadataText(request.object, "name") != "first") return Done{};
              const auto answer = another.Call(MakeRequest("POST", kActors, json::Dump(Actor("a-b")), {}));
              if (answer.ok()) second = *answer;
              return Done{};
            }});
  EXPECT_EQ(Create(Actor("first", R"({"image":"i:1","handler":"m.f","actor":"a-b"})")).status, 201);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->status, 409) << second->body;
  EXPECT_EQ(second->headers.Get("Retry-After"), "1");
  EXPECT_EQ(Create(Actor("a-b")).status, 422) << "now it is known whose queue it is";
}

TEST_F(TestApi, AQueueIsFreeAgainWhenItsActorIsGone) {
  const auto index_that_lags = [](const std::string& queue) -> std::optional<QueueOwner> {
    if (queue != "asya-default-a-b") return std::nullopt;
    return QueueOwner{"default", "first"};
  };
  Open({}, {UniqueQueue(store_, RealClock(), index_that_lags)});
  ASSERT_EQ(Create(Actor("first", R"({"image":"i:1","handler":"m.f","actor":"a-b"})")).status, 201);
  EXPECT_EQ(Create(Actor("a-b")).status, 422);
  Send("DELETE", Path("first"));
  EXPECT_EQ(Create(Actor("a-b")).status, 201);
}

}  // namespace
}  // namespace asya::apiserver
