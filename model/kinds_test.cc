#include "model/kinds.h"

#include <gtest/gtest.h>

#include <functional>

#include "core/json/parse.h"
#include "model/object_text.h"
#include "model/openapi.h"

namespace asya::model {
namespace {

json::Value Json(const std::string& text) {
  auto parsed = json::Parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : json::Value();
}

TEST(Kinds, AreFoundByPluralAndName) {
  ASSERT_NE(FindKind("asyncactors"), nullptr);
  EXPECT_EQ(FindKind("asyncactors")->kind, "AsyncActor");
  EXPECT_TRUE(FindKind("asyncactors")->has_scale);
  EXPECT_FALSE(FindKindByName("Flavor")->namespaced);
  EXPECT_EQ(FindKind("pods"), nullptr);
  for (const KindInfo& kind : Kinds()) {
    EXPECT_EQ(kind.columns.front().format, "name") << kind.kind;
    ASSERT_NE(kind.schema.FindField("spec"), nullptr) << kind.kind;
  }
}

TEST(Kinds, FlavorHasNoIdentityOfItsOwn) {
  const Schema* spec = FindKindByName("Flavor")->schema.FindField("spec");
  for (const char* field : {"actor", "transport", "flavors"}) EXPECT_EQ(spec->FindField(field), nullptr) << field;
  EXPECT_NE(spec->FindField("scaling"), nullptr);
}

TEST(PruneUnknown, NamesAndRemovesWhatIsNotDescribed) {
  auto object = Json(R"({"apiVersion":"a","kind":"b","metadata":{"name":"x","foo":1},"extra":{},
    "spec":{"image":"a","foo":1,"env":[{"name":"A","valu":"b"}],"affinity":{"anything":{"goes":1}},"handler":null,
      "resiliency":{"policies":{"default":{"maxAttemps":3}}},
      "volumes":[{"name":"v","emptyDir":{"sizeLimit":"1Gi"}}]}})");
  EXPECT_EQ(PruneUnknown(*FindKind("asyncactors"), object),
            (std::vector<std::string>{"extra", "metadata.foo", "spec.env[0].valu", "spec.foo",
                                      "spec.resiliency.policies[default].maxAttemps"}));
  EXPECT_EQ(object, Json(R"({"apiVersion":"a","kind":"b","metadata":{"name":"x"},
    "spec":{"image":"a","env":[{"name":"A"}],"affinity":{"anything":{"goes":1}},
      "resiliency":{"policies":{"default":{}}},
      "volumes":[{"name":"v","emptyDir":{"sizeLimit":"1Gi"}}]}})"));
  EXPECT_TRUE(PruneUnknown(*FindKind("asyncactors"), object).empty());
}

TEST(Cells, FollowTheColumns) {
  const WallTime now = *ParseRfc3339("2026-11-18T12:05:30Z");
  const std::string object = R"({"metadata":{"name":"infer","creationTimestamp":"2026-11-18T12:00:00Z"},
    "spec":{"image":"a:1","transport":"local"},
    "status":{"phase":"Napping","conditions":[{"type":"Ready","status":"True"}],
      "infrastructure":{"workload":{"replicas":0},"queue":{"waiting":7}}}})";
  const auto cells = [&](const std::string& text) {
    std::string row = "a row: ";
    AppendCells(*FindKind("asyncactors"), ObjectText(text), now, row);
    return row;
  };
  EXPECT_EQ(cells(object), R"(a row: ["infer","Napping","True",0,7,"5m30s","infer","local","a:1"])");
  EXPECT_EQ(cells("{}"), "a row: [null,null,null,null,null,null,null,null,null]");
  EXPECT_EQ(
      cells(R"({"metadata":{"name":null,"creationTimestamp":"soon"},"status":{"conditions":[{"type":"Ready"}]}})"),
      R"(a row: [null,null,"Unknown",null,null,"<invalid>",null,null,null])");
}

TEST(ObjectText, FindsMembersAsTheyAreWritten) {
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  for (const std::string& beside : {std::string("1"), deep, std::string(R"("\ud83d\ude00")")}) {
    const std::string text = R"({"a":{"b":{"c":{"d":[1, 2]}},"n":7},"deep":)" + beside + R"(,"s":"x\ny"} )";
    const ObjectText object(text);
    EXPECT_EQ(object.At("a.n"), "7");
    EXPECT_EQ(object.At("a.b.c.d"), "[1, 2]");
    EXPECT_EQ(object.At("a.b.c"), R"({"d":[1, 2]})");
    EXPECT_EQ(object.At("s"), R"("x\ny")");
    EXPECT_EQ(object.At("deep"), beside);
    for (const char* none : {"", "b", "a.c", "a.b.d", "a.n.x", "a.b.c.d.e", "s.x"}) EXPECT_EQ(object.At(none), "");
  }
  // Keys that are written with escapes are read by the careful parser.
  EXPECT_EQ(ObjectText(R"({"\u0061":{"\u0062":1}})").At("a.b"), "1");
  for (const char* no_object : {"", "[]", "3", "{", R"({"a":1)", R"({"a":1}})"}) {
    EXPECT_EQ(ObjectText(no_object).At("a"), "") << no_object;
  }
}

TEST(FormatAge, ReadsAsKubectlPrintsIt) {
  const WallTime now = *ParseRfc3339("2026-11-18T12:00:00Z");
  const auto age = [&](std::int64_t seconds) { return FormatAge(now - std::chrono::seconds(seconds), now); };
  EXPECT_EQ(age(0), "0s");
  EXPECT_EQ(age(119), "119s");
  EXPECT_EQ(age(120), "2m");
  EXPECT_EQ(age(605), "10m");
  EXPECT_EQ(age(3 * 3600), "3h");
  EXPECT_EQ(age(3 * 3600 + 300), "3h5m");
  EXPECT_EQ(age(50 * 3600), "2d2h");
  EXPECT_EQ(age(-10), "<invalid>");
}

TEST(Actor, HasOneIdentityAndOneQueue) {
  EXPECT_EQ(ActorIdentity(Json(R"({"metadata":{"name":"a"},"spec":{"actor":"b"}})")), "b");
  EXPECT_EQ(ActorQueueName(Json(R"({"metadata":{"name":"a","namespace":"n"},"spec":{}})")), "asya-n-a");
  EXPECT_EQ(ActorQueueName(Json(R"({"metadata":{"name":"a"}})")), "asya-default-a");
}

TEST(OpenApi, CarriesNoDefaultsAndResolvesEveryReference) {
  const json::Object definitions = OpenApiDefinitions();
  std::function<void(const json::Value&, const std::string&)> walk = [&](const json::Value& value,
                                                                         const std::string& at) {
    if (value.IsArray()) {
      for (const json::Value& item : value.AsArray()) walk(item, at);
    }
    if (!value.IsObject()) return;
    if (const auto reference = value.GetString("$ref")) {
      EXPECT_TRUE(definitions.contains(reference->substr(std::string("#/components/schemas/").size()))) << *reference;
    }
    if (value.Find("type") != nullptr && value.Find("description") != nullptr) {
      EXPECT_EQ(value.Find("default"), nullptr) << at;
    }
    for (const auto& [key, member] : value.AsObject()) walk(member, at + "/" + key);
  };
  for (const auto& [name, definition] : definitions) {
    EXPECT_EQ(name.find('/'), std::string::npos);
    walk(definition, name);
  }
}

TEST(OpenApi, DescribesFieldsAndLists) {
  const json::Value actor = OpenApiSchema(*FindKind("asyncactors"));
  const json::Value* spec = actor.FindPath({"properties", "spec", "properties"});
  ASSERT_NE(spec, nullptr);
  EXPECT_EQ(json::Dump(*spec->FindPath({"env", "x-kubernetes-list-map-keys"})), R"(["name"])");
  EXPECT_EQ(*spec->FindPath({"concurrency", "description"}),
            json::Value("Envelopes handled at once in one pod. Default: 1."));
  EXPECT_EQ(json::Dump(*actor.Find("x-kubernetes-group-version-kind")),
            R"([{"group":"asya.sh","kind":"AsyncActor","version":"v1alpha1"}])");
  for (const auto& [name, field] : spec->AsObject()) EXPECT_NE(field.Find("description"), nullptr) << name;
}

}  // namespace
}  // namespace asya::model
