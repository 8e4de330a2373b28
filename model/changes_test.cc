#include "model/changes.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"
#include "model/kinds.h"

namespace asya::model {
namespace {

// "path: before -> after", one a line; what is absent as "-".
std::string Told(const std::string& before, const std::string& after) {
  const auto text = [](const std::optional<json::Value>& value) { return value ? json::Dump(*value) : "-"; };
  std::string all;
  const Schema& schema = FindKind("asyncactors")->schema;
  for (const Change& change : Changes(schema, json::Parse(before).value(), json::Parse(after).value())) {
    all += change.path + ": " + text(change.before) + " -> " + text(change.after) + "\n";
  }
  return all;
}

TEST(Changes, NameTheFieldWithBothValues) {
  EXPECT_EQ(Told(R"({"spec":{"image":"i:1"}})", R"({"spec":{"image":"i:1"}})"), "");
  EXPECT_EQ(Told(R"({"spec":{"image":"i:1"}})", R"({"spec":{"image":"i:2"}})"), "spec.image: \"i:1\" -> \"i:2\"\n");
  EXPECT_EQ(Told(R"({"spec":{"image":"i"}})", R"({"spec":{"image":"i","scaling":{"maxReplicaCount":3}}})"),
            "spec.scaling: - -> {\"maxReplicaCount\":3}\n");
  EXPECT_EQ(Told(R"({"spec":{"scaling":{"maxReplicaCount":3,"minReplicaCount":1}}})",
                 R"({"spec":{"scaling":{"maxReplicaCount":4}}})"),
            "spec.scaling.maxReplicaCount: 3 -> 4\nspec.scaling.minReplicaCount: 1 -> -\n");
}

TEST(Changes, KeysOfMapsStandInBrackets) {
  EXPECT_EQ(Told(R"({"metadata":{"labels":{"a.b/c":"1"}}})", R"({"metadata":{"labels":{"a.b/c":"2"}}})"),
            "metadata.labels[a.b/c]: \"1\" -> \"2\"\n");
}

TEST(Changes, ElementsOfKeyedListsAreFoundAgain) {
  EXPECT_EQ(Told(R"({"spec":{"env":[{"name":"B","value":"1"}]}})",
                 R"({"spec":{"env":[{"name":"A","value":"0"},{"name":"B","value":"2"}]}})"),
            "spec.env[name=A]: - -> {\"name\":\"A\",\"value\":\"0\"}\nspec.env[name=B].value: \"1\" -> \"2\"\n");
  EXPECT_EQ(Told(R"({"spec":{"env":[{"name":"A"},{"name":"B"}]}})", R"({"spec":{"env":[{"name":"B"},{"name":"A"}]}})"),
            "spec.env: [{\"name\":\"A\"},{\"name\":\"B\"}] -> [{\"name\":\"B\"},{\"name\":\"A\"}]\n")
      << "the order counts, since a variable may use those before it";
}

TEST(Changes, RepeatedKeysHideNothing) {
  EXPECT_EQ(Told(R"({"spec":{"env":[{"name":"A","value":"1"},{"name":"A","value":"2"}]}})",
                 R"({"spec":{"env":[{"name":"A","value":"1"},{"name":"A","value":"3"}]}})"),
            "spec.env[1].value: \"2\" -> \"3\"\n");
}

TEST(Changes, OfSetsEachValueIsItsOwn) {
  EXPECT_EQ(Told(R"({"spec":{"flavors":["a","b"]}})", R"({"spec":{"flavors":["c","a"]}})"),
            "spec.flavors[b]: \"b\" -> -\nspec.flavors[c]: - -> \"c\"\n");
}

TEST(Changes, OtherListsAreComparedByPosition) {
  const auto rules = [](const std::string& list) { return R"({"spec":{"resiliency":{"rules":)" + list + "}}}"; };
  const std::string a = R"({"policy":"a"})";
  const std::string b = R"({"policy":"b"})";
  const std::string c = R"({"policy":"c"})";
  EXPECT_EQ(Told(rules("[" + a + "," + b + "]"), rules("[" + a + "," + b + "," + c + "]")),
            "spec.resiliency.rules[2]: - -> {\"policy\":\"c\"}\n");
  EXPECT_EQ(Told(rules("[" + a + "," + b + "," + c + "]"), rules("[" + b + "," + c + "]")),
            "spec.resiliency.rules[0]: {\"policy\":\"a\"} -> -\n");
  EXPECT_EQ(Told(rules("[" + a + "," + b + "," + c + "]"), rules("[" + a + "," + a + "," + c + "]")),
            "spec.resiliency.rules[1].policy: \"b\" -> \"a\"\n");
  EXPECT_EQ(Told(rules("[" + a + "," + b + "]"), rules("[" + c + "]")),
            "spec.resiliency.rules: [{\"policy\":\"a\"},{\"policy\":\"b\"}] -> [{\"policy\":\"c\"}]\n");
}

TEST(Changes, AnotherTypeIsOneChange) {
  EXPECT_EQ(Told(R"({"spec":{"image":{"a":1}}})", R"({"spec":{"image":["a"]}})"), "spec.image: {\"a\":1} -> [\"a\"]\n");
}

}  // namespace
}  // namespace asya::model
