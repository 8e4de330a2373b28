#include <algorithm>

#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

constexpr const char* kAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

class TestApply : public TestApi {
 protected:
  Answer Apply(const std::string& path, const std::string& config, const std::string& query) {
    return Send("PATCH", path + "?" + query, config, {{"Content-Type", "application/apply-patch+yaml"}});
  }
  // An apply of the actor `a`.
  Answer ApplyAs(const std::string& manager, const std::string& spec, const std::string& more = "") {
    return Apply(Path("a"), json::Dump(Actor("a", spec)), "fieldManager=" + manager + more);
  }
  Answer Update(const std::string& manager, const std::string& patch) {
    return Send("PATCH", Path("a") + "?fieldManager=" + manager, patch,
                {{"Content-Type", "application/merge-patch+json"}});
  }
  // manager operation[/subresource] fields, sorted: their order depends on the second in which they were written
  static std::vector<std::string> Owners(const Answer& answer) {
    std::vector<std::string> owners;
    const json::Value* entries = answer.body.FindPath({"metadata", "managedFields"});
    if (entries == nullptr) return owners;
    for (const json::Value& entry : entries->AsArray()) {
      EXPECT_EQ(entry.GetString("fieldsType"), "FieldsV1");
      EXPECT_EQ(entry.GetString("apiVersion"), "asya.sh/v1alpha1");
      const std::string part = entry.GetString("subresource").value_or("");
      owners.push_back(*entry.GetString("manager") + " " + *entry.GetString("operation") +
                       (part.empty() ? "" : "/" + part) + " " + json::Dump(*entry.Find("fieldsV1")));
    }
    std::sort(owners.begin(), owners.end());
    return owners;
  }
};

using Texts = std::vector<std::string>;
constexpr const char* kSpec = R"({"image":"i:1","handler":"m.f"})";

TEST_F(TestApply, CreatesThenChangesThenDoesNothing) {
  const Answer created = ApplyAs("me", kSpec);
  ASSERT_EQ(created.status, 201) << created.text;
  EXPECT_EQ(Owners(created), Texts{R"(me Apply {"f:spec":{"f:handler":{},"f:image":{}}})"});
  EXPECT_EQ(created.At("/metadata/managedFields/0/time").size(), std::string("2026-11-18T12:00:00Z").size());
  EXPECT_EQ(created.At("/metadata/generation"), "1");
  EXPECT_EQ(created.At("/status/phase"), "Creating");
  const Answer again = ApplyAs("me", kSpec);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.text, created.text);
  const Answer changed = ApplyAs("me", R"({"image":"i:2","handler":"m.f","concurrency":2})");
  EXPECT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(changed.At("/metadata/generation"), "2");
  const Answer less = ApplyAs("me", kSpec);
  EXPECT_EQ(less.At("/spec"), R"({"handler":"m.f","image":"i:1"})");
}

TEST_F(TestApply, TakesYamlAndFillsInTheName) {
  const Answer created = Apply(Path("a"),
                               "apiVersion: asya.sh/v1alpha1\nkind: AsyncActor\nmetadata: {labels: {x: y}}\n"
                               "spec: {image: i, handler: m.f}\n",
                               "fieldManager=me");
  EXPECT_EQ(created.status, 201) << created.text;
  EXPECT_EQ(created.At("/metadata/name"), "a");
  EXPECT_EQ(created.At("/metadata/labels/x"), "y");
}

TEST_F(TestApply, RefusesWhatKubernetesRefuses) {
  const std::string actor = json::Dump(Actor("a"));
  const Answer nobody = Apply(Path("a"), actor, "");
  EXPECT_EQ(nobody.status, 422);
  EXPECT_EQ(nobody.At("/message"),
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch");
  ASSERT_EQ(ApplyAs("me", kSpec).status, 201);
  const Answer forced =
      Send("PATCH", Path("a") + "?force=true", "{}", {{"Content-Type", "application/merge-patch+json"}});
  EXPECT_EQ(forced.status, 422);
  EXPECT_EQ(forced.At("/message"),
            "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch");
  EXPECT_EQ(Apply(Path("a"), actor, "fieldManager=" + std::string(129, 'x')).status, 422);

  json::Value owned = Actor("a");
  owned["metadata"]["managedFields"] = json::Array{};
  const Answer managed = Apply(Path("a"), json::Dump(owned), "fieldManager=me");
  EXPECT_EQ(managed.status, 400);
  EXPECT_EQ(managed.At("/message"), "metadata.managedFields must be nil");
  owned["metadata"]["managedFields"] = nullptr;
  EXPECT_EQ(Apply(Path("a"), json::Dump(owned), "fieldManager=me").status, 200);

  EXPECT_EQ(Apply(Path("b"), actor, "fieldManager=me").status, 400);
  EXPECT_EQ(Apply(Path("a"), "a: [", "fieldManager=me").status, 400);
  EXPECT_EQ(Apply(Path("a"), "[]", "fieldManager=me").status, 400);
  EXPECT_EQ(Apply(Path("a"), R"({"kind":"Flow","apiVersion":"asya.sh/v1alpha1"})", "fieldManager=me").status, 400);
  EXPECT_EQ(Apply(Path("a"), R"({"kind":"AsyncActor","apiVersion":"asya.sh/v2"})", "fieldManager=me").status, 400);
  EXPECT_EQ(Apply("/apis/asya.sh/v1alpha1/namespaces/none/asyncactors/a", actor, "fieldManager=me").status, 404);
  EXPECT_EQ(Apply(Path("gone") + "/status", json::Dump(Actor("gone")), "fieldManager=me").status, 404);
}

TEST_F(TestApply, ChecksWhichObjectIsMeant) {
  json::Value actor = Actor("a");
  actor["metadata"]["uid"] = "someone";
  const Answer missing = Apply(Path("a"), json::Dump(actor), "fieldManager=me");
  EXPECT_EQ(missing.status, 409);
  EXPECT_EQ(
      missing.At("/message"),
      "Operation cannot be fulfilled on asyncactors.asya.sh \"a\": uid mismatch: the provided object specified uid "
      "someone, and no existing object was found");
  const Answer created = ApplyAs("me", kSpec);
  EXPECT_EQ(Apply(Path("a"), json::Dump(actor), "fieldManager=me").status, 409);
  actor["metadata"]["uid"] = created.At("/metadata/uid");
  actor["metadata"]["resourceVersion"] = created.At("/metadata/resourceVersion");
  actor["spec"]["concurrency"] = 2;
  EXPECT_EQ(Apply(Path("a"), json::Dump(actor), "fieldManager=me").status, 200);
  const Answer stale = Apply(Path("a"), json::Dump(actor), "fieldManager=me");
  EXPECT_EQ(stale.status, 409);
  EXPECT_NE(stale.At("/message").find("the object has been modified"), std::string::npos);
}

TEST_F(TestApply, ConflictsNameEveryFieldAndItsOwner) {
  Create(Actor("a", R"({"image":"i:1","handler":"m.f","concurrency":1,"env":[{"name":"A","value":"1"}]})"),
         "?fieldManager=kubectl-create");
  const Answer one = ApplyAs("me", R"({"concurrency":2})");
  EXPECT_EQ(one.status, 409);
  EXPECT_EQ(one.At("/reason"), "Conflict");
  EXPECT_EQ(one.At("/message"),
            "Apply failed with 1 conflict: conflict with \"kubectl-create\" using asya.sh/v1alpha1: .spec.concurrency");
  EXPECT_EQ(one.At("/details/causes"),
            R"([{"field":".spec.concurrency","message":"conflict with \"kubectl-create\" using asya.sh/v1alpha1",)"
            R"("reason":"FieldManagerConflict"}])");
  ASSERT_EQ(ApplyAs("other", R"({"paused":true})").status, 200);
  const Answer more = ApplyAs("me", R"({"concurrency":2,"paused":false,"env":[{"name":"A","value":"2"}]})");
  EXPECT_EQ(more.At("/message"),
            "Apply failed with 3 conflicts: conflicts with \"kubectl-create\" using asya.sh/v1alpha1:\n"
            "- .spec.concurrency\n- .spec.env[name=\"A\"].value\nconflicts with \"other\":\n- .spec.paused");
  EXPECT_EQ(Get(Path("a")).At("/spec/concurrency"), "1");
  const Answer forced = ApplyAs("me", R"({"concurrency":2,"paused":false})", "&force=true");
  ASSERT_EQ(forced.status, 200) << forced.text;
  EXPECT_EQ(Owners(forced)[1], R"(me Apply {"f:spec":{"f:concurrency":{},"f:paused":{}}})");
  EXPECT_EQ(Owners(forced).size(), 2U);
}

TEST_F(TestApply, ValidatesTheMergedObject) {
  ASSERT_EQ(ApplyAs("me", kSpec).status, 201);
  const Answer wrong = ApplyAs("you", R"({"scaling":{"minReplicaCount":5,"maxReplicaCount":3}})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_NE(wrong.At("/details/causes").find("spec.scaling.minReplicaCount"), std::string::npos);
  EXPECT_EQ(ApplyAs("you", R"({"env":"no list"})").status, 422);
  const Answer twice = ApplyAs("you", R"({"env":[{"name":"A"},{"name":"A"}]})");
  EXPECT_EQ(twice.status, 422);
  EXPECT_EQ(twice.At("/details/causes/0/field"), "spec.env[1].name");
  EXPECT_EQ(ApplyAs("me", R"({"image":"i:1"})").status, 422);  // handler would be gone
  EXPECT_EQ(Owners(Get(Path("a"))).size(), 1U);
}

TEST_F(TestApply, ReportsUnknownAndRepeatedFields) {
  const Answer warned = ApplyAs("me", R"({"image":"i:1","handler":"m.f","foo":1})");
  EXPECT_EQ(warned.status, 201);
  EXPECT_EQ(warned.headers.Get("Warning").value_or(""), R"(299 - "unknown field \"spec.foo\"")");
  EXPECT_EQ(Owners(warned), Texts{R"(me Apply {"f:spec":{"f:handler":{},"f:image":{}}})"});
  const Answer strict = ApplyAs("me", R"({"image":"i:1","handler":"m.f","foo":1})", "&fieldValidation=Strict");
  EXPECT_EQ(strict.status, 400);
  EXPECT_NE(strict.At("/message").find(R"(strict decoding error: unknown field "spec.foo")"), std::string::npos);
  const std::string twice =
      R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","spec":{"image":"a","image":"i:1","handler":"m.f"}})";
  EXPECT_EQ(Apply(Path("a"), twice, "fieldManager=me&fieldValidation=Strict").status, 400);
  EXPECT_EQ(Apply(Path("a"), twice, "fieldManager=me").headers.Get("Warning").value_or(""),
            R"(299 - "duplicate field \"spec.image\"")");
}

TEST_F(TestApply, DryRunsStoreNothing) {
  const Answer created = ApplyAs("me", kSpec, "&dryRun=All");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.At("/metadata/resourceVersion"), "(absent)");
  EXPECT_EQ(Owners(created).size(), 1U);
  EXPECT_EQ(Get(Path("a")).status, 404);
  const Answer real = ApplyAs("me", kSpec);
  const Answer changed = ApplyAs("you", R"({"concurrency":2})", "&dryRun=All");
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(Owners(changed).size(), 2U);
  EXPECT_EQ(Get(Path("a")).text, real.text);
}

TEST_F(TestApply, ANewOwnerOfTheSameIsStored) {
  const Answer first = ApplyAs("me", kSpec);
  const Answer second = ApplyAs("you", kSpec);
  EXPECT_EQ(second.status, 200);
  EXPECT_NE(second.At("/metadata/resourceVersion"), first.At("/metadata/resourceVersion"));
  EXPECT_EQ(second.At("/metadata/generation"), "1");
  EXPECT_EQ(Owners(second).size(), 2U);
  EXPECT_EQ(ApplyAs("you", kSpec).text, second.text);
}

TEST_F(TestApply, UpdatesAreTrackedByManagerOrUserAgent) {
  const Answer created = Send("POST", kActors, json::Dump(Actor("a")), {{"User-Agent", "tool/v1 (linux)"}});
  EXPECT_EQ(Owners(created), Texts{R"(tool Update {"f:spec":{".":{},"f:handler":{},"f:image":{}}})"});
  const Answer patched = Update("editor", R"({"spec":{"image":"i:2","env":[{"name":"A","value":"1"}]}})");
  EXPECT_EQ(
      Owners(patched),
      (Texts{R"(editor Update {"f:spec":{"f:env":{".":{},"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}},)"
             R"("f:image":{}}})",
             R"(tool Update {"f:spec":{".":{},"f:handler":{}}})"}));
  json::Value replaced = patched.body;
  replaced["metadata"].AsObject().erase("managedFields");
  replaced["spec"].AsObject().erase("env");
  const Answer put = Send("PUT", Path("a"), json::Dump(replaced), {{"User-Agent", "tool/v2"}});
  EXPECT_EQ(Owners(put),
            (Texts{R"(editor Update {"f:spec":{"f:image":{}}})", R"(tool Update {"f:spec":{".":{},"f:handler":{}}})"}));
  // A write that changes nothing moves nothing.
  EXPECT_EQ(Update("third", R"({"spec":{"image":"i:2"}})").text, put.text);
}

TEST_F(TestApply, ManyUpdatersAreBounded) {
  Create(Actor("a"));
  for (int i = 0; i < 15; ++i) {
    Update("m" + std::to_string(i), R"({"metadata":{"labels":{"l)" + std::to_string(i) + R"(":"x"}}})");
  }
  const Texts owners = Owners(Get(Path("a")));
  EXPECT_EQ(owners.size(), 10U);
  EXPECT_TRUE(std::any_of(owners.begin(), owners.end(),
                          [](const std::string& owner) { return owner.rfind("ancient-changes Update", 0) == 0; }));
}

TEST_F(TestApply, ClientsRewriteAndResetManagedFields) {
  Create(Actor("a"), "?fieldManager=kubectl-client-side-apply");
  // As Flux and kubectl do to turn an updater into an applier.
  json::Value entries = *Get(Path("a")).body.FindPath({"metadata", "managedFields"});
  entries.AsArray()[0]["manager"] = "flux";
  entries.AsArray()[0]["operation"] = "Apply";
  const Answer renamed = JsonPatch(
      Path("a"), R"([{"op":"replace","path":"/metadata/managedFields","value":)" + json::Dump(entries) + "}]");
  EXPECT_EQ(renamed.status, 200) << renamed.text;
  EXPECT_EQ(Owners(renamed), Texts{R"(flux Apply {"f:spec":{".":{},"f:handler":{},"f:image":{}}})"});
  EXPECT_EQ(ApplyAs("flux", R"({"image":"i:2","handler":"m.f"})").status, 200);

  const auto write = [&](const std::string& sent) {
    return Merge(Path("a"), R"({"metadata":{"managedFields":)" + sent + "}}");
  };
  // What cannot be read, or is not there, changes nothing.
  const std::string before = Get(Path("a")).text;
  for (const char* sent : {R"([{"manager":"x"}])", R"("text")", "null", R"([{"operation":"Apply","apiVersion":"v"}])",
                           R"([{"operation":"Apply","apiVersion":"v","fieldsType":"FieldsV1","fieldsV1":{"f":1}}])"}) {
    EXPECT_EQ(write(sent).status, 200) << sent;
    EXPECT_EQ(Get(Path("a")).text, before) << sent;
  }
  for (const char* sent : {"[]", "[{}]"}) {
    EXPECT_EQ(write(sent).At("/metadata/managedFields"), "(absent)") << sent;
    // Nobody is tracked until the next apply, which finds somebody to blame.
    EXPECT_TRUE(Owners(Update("editor", R"({"spec":{"image":"i:3"}})")).empty());
    const Answer conflict = ApplyAs("me", R"({"image":"i:4"})");
    EXPECT_EQ(conflict.At("/message"),
              "Apply failed with 1 conflict: conflict with \"before-first-apply\" using asya.sh/v1alpha1: .spec.image");
    EXPECT_EQ(Owners(ApplyAs("me", R"({"image":"i:3"})")).size(), 2U);
    EXPECT_EQ(Merge(Path("a"), R"({"spec":{"image":"i:2"}})").status, 200);
  }
}

TEST_F(TestApply, StatusHasOwnersOfItsOwn) {
  ApplyAs("me", kSpec);
  const std::string status = Path("a") + "/status";
  const std::string actor = R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":"a","labels":
      {"x":"y"}},"spec":{"image":"other"},"status":{"phase":"Ready","conditions":[{"type":"Good","status":"True"}]}})";
  const Answer conflict = Apply(status, actor, "fieldManager=ctl");
  ASSERT_EQ(conflict.status, 200) << conflict.text;  // the first status is nobody's
  EXPECT_EQ(conflict.At("/spec/image"), "i:1");
  EXPECT_EQ(conflict.At("/metadata/labels"), "(absent)");
  EXPECT_EQ(conflict.At("/metadata/generation"), "1");
  EXPECT_EQ(
      Owners(conflict)[0],
      R"(ctl Apply/status {"f:status":{"f:conditions":{"k:{\"type\":\"Good\"}":{".":{},"f:status":{},"f:type":{}}},)"
      R"("f:phase":{}}})");
  EXPECT_EQ(conflict.At("/status/conditions/0/type"), "Ready");
  const Answer patched =
      Send("PATCH", status + "?fieldManager=ctl", R"({"metadata":{"managedFields":[]},"status":{"phase":"Paused"}})",
           {{"Content-Type", "application/merge-patch+json"}});
  EXPECT_EQ(Owners(patched).size(), 3U) << patched.text;
  EXPECT_EQ(Owners(patched)[1], R"(ctl Update/status {"f:status":{"f:phase":{}}})");
  const Answer refused = Apply(status, actor, "fieldManager=ctl");
  EXPECT_EQ(refused.At("/message"),
            "Apply failed with 1 conflict: conflict with \"ctl\" with subresource \"status\" using asya.sh/v1alpha1: "
            ".status.phase");
  // The status in a configuration of the object itself is passed over.
  json::Value whole = Actor("a");
  whole["status"]["phase"] = "Degraded";
  const Answer main = Apply(Path("a"), json::Dump(whole), "fieldManager=me");
  EXPECT_EQ(main.text, patched.text);
}

TEST_F(TestApply, ScaleHasOwnersOfItsOwn) {
  ApplyAs("me", R"({"image":"i:1","handler":"m.f","scaling":{"enabled":false},"replicas":1})");
  const std::string scale = Path("a") + "/scale";
  const auto config = [](int replicas) {
    return R"({"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"a"},"spec":{"replicas":)" +
           std::to_string(replicas) + "}}";
  };
  const Answer conflict = Apply(scale, config(3), "fieldManager=hpa");
  EXPECT_EQ(conflict.status, 409);
  EXPECT_EQ(conflict.At("/message"), "Apply failed with 1 conflict: conflict with \"me\": .spec.replicas");
  const Answer forced = Apply(scale, config(3), "fieldManager=hpa&force=true");
  ASSERT_EQ(forced.status, 200) << forced.text;
  EXPECT_EQ(forced.At("/kind"), "Scale");
  EXPECT_EQ(forced.At("/spec/replicas"), "3");
  EXPECT_EQ(Owners(Get(Path("a")))[0], R"(hpa Apply/scale {"f:spec":{"f:replicas":{}}})");
  // An updater of the scale takes it over; the message knows it by the version of the scale.
  EXPECT_EQ(Send("PATCH", scale + "?fieldManager=kubectl-scale", R"({"spec":{"replicas":4}})",
                 {{"Content-Type", "application/merge-patch+json"}})
                .status,
            200);
  EXPECT_EQ(Apply(scale, config(5), "fieldManager=hpa").At("/message"),
            "Apply failed with 1 conflict: conflict with \"kubectl-scale\" with subresource \"scale\" using "
            "autoscaling/v1: .spec.replicas");
  EXPECT_EQ(Apply(scale, R"({"kind":"Scale","metadata":{"name":"a"}})", "fieldManager=hpa").status, 422);
  EXPECT_EQ(Apply(scale, R"({"kind":"Other","metadata":{"name":"a"}})", "fieldManager=hpa").status, 400);
}

TEST_F(TestApply, KubectlMovesFromClientSideToServerSide) {
  json::Value actor = Actor("a");
  const std::string last = json::Dump(actor);
  actor["metadata"]["annotations"][kAnnotation] = last;
  Create(actor, "?fieldManager=kubectl-client-side-apply");
  // Others do not profit from the annotation.
  EXPECT_EQ(ApplyAs("me", R"({"image":"i:2","handler":"m.f"})").status, 409);
  const Answer moved = ApplyAs("kubectl", R"({"image":"i:2","handler":"m.f"})");
  ASSERT_EQ(moved.status, 200) << moved.text;
  const json::Value* annotations = moved.body.FindPath({"metadata", "annotations"});
  const json::Value renewed = json::Parse(annotations->GetString(kAnnotation).value_or("")).value();
  EXPECT_EQ(*renewed.FindPath({"spec", "image"}), json::Value("i:2"));
  EXPECT_EQ(ApplyAs("kubectl", R"({"image":"i:2","handler":"m.f"})").text, moved.text);
  // What somebody changed since the last client-side apply is a conflict.
  Update("editor", R"({"spec":{"handler":"m.g"}})");
  EXPECT_EQ(ApplyAs("kubectl", R"({"image":"i:3","handler":"m.f"})").At("/message"),
            "Apply failed with 1 conflict: conflict with \"editor\" using asya.sh/v1alpha1: .spec.handler");
}

TEST_F(TestApply, ThatCreatesNeedsTheRightTo) {
  std::vector<std::string> asked;
  Open({}, {}, [&](const Call& call) -> Outcome<Done> {
    asked.push_back(call.info.verb);
    if (call.info.verb == "create") return Forbidden(*call.resource, call.info.name, "no");
    return Done{};
  });
  EXPECT_EQ(ApplyAs("me", kSpec).status, 403);
  EXPECT_EQ(asked, (Texts{"patch", "create"}));
}

TEST_F(TestApply, OfANamespaceWorksToo) {
  const std::string path = "/api/v1/namespaces/team";
  const std::string team = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team, labels: {a: b}}\n";
  const Answer created = Apply(path, team, "fieldManager=me");
  ASSERT_EQ(created.status, 201) << created.text;
  EXPECT_EQ(created.At("/status/phase"), "Active");
  EXPECT_EQ(created.At("/metadata/managedFields/0/fieldsV1"), R"({"f:metadata":{"f:labels":{"f:a":{}}}})");
  EXPECT_EQ(Apply(path, team, "fieldManager=me").text, created.text);
}

TEST_F(TestApply, RacesAreDecidedByTheStore) {
  ASSERT_EQ(ApplyAs("me", kSpec).status, 201);
  std::vector<std::thread> appliers;
  appliers.reserve(4);
  for (int i = 0; i < 4; ++i) {
    appliers.emplace_back([this, i] {
      http::Client client;
      const std::string label = std::to_string(i);
      auto request = MakeRequest(
          "PATCH", Path("a") + "?fieldManager=m" + label,
          R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"labels":{"l)" + label + R"(":"x"}}})",
          {{"Content-Type", "application/apply-patch+yaml"}});
      for (int status = 409; status == 409;) status = client.Call(request).value().status;
    });
  }
  for (std::thread& applier : appliers) applier.join();
  const Answer end = Get(Path("a"));
  EXPECT_EQ(end.At("/metadata/labels"), R"({"l0":"x","l1":"x","l2":"x","l3":"x"})");
  EXPECT_EQ(Owners(end).size(), 5U);
}

}  // namespace
}  // namespace asya::apiserver
