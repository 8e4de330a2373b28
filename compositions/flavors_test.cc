#include "compositions/flavors.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::compositions {
namespace {

json::Value Json(const std::string& text) {
  auto parsed = json::Parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : json::Value();
}

json::Value Flavor(const std::string& name, const std::string& spec) {
  return Json(R"({"kind":"Flavor","metadata":{"name":")" + name + R"("},"spec":)" + spec + "}");
}

std::string Merge(const std::string& spec, const std::vector<json::Value>& flavors) {
  const auto merged = MergeFlavors(Json(R"({"spec":)" + spec + "}"), flavors);
  return merged.ok() ? json::Dump(*merged)
                     : std::string(ErrorCodeName(merged.error().code)) + ": " + merged.error().message;
}

TEST(MergeFlavors, MapsMergeListsAppendInOrder) {
  EXPECT_EQ(
      Merge(R"({"flavors":["b","a"],"image":"x"})",
            {Flavor("a", R"({"resources":{"limits":{"cpu":"1"}},"env":[{"name":"A","value":"1"}]})"),
             Flavor("b",
                    R"({"resources":{"limits":{"memory":"1Gi"}},"env":[{"name":"B","value":"2"}],"concurrency":2})")}),
      R"({"concurrency":2,"env":[{"name":"B","value":"2"},{"name":"A","value":"1"}],"image":"x",)"
      R"("resources":{"limits":{"cpu":"1","memory":"1Gi"}}})");
}

TEST(MergeFlavors, TheActorReplacesWholeTopLevelFields) {
  EXPECT_EQ(
      Merge(R"({"flavors":["a"],"scaling":{"maxReplicaCount":2},"env":[]})",
            {Flavor("a", R"({"scaling":{"minReplicaCount":1,"cooldownPeriod":5},"env":[{"name":"A"}],"image":"x"})")}),
      R"({"env":[],"image":"x","scaling":{"maxReplicaCount":2}})");
}

TEST(MergeFlavors, NamesBothFlavorsAndThePathOfAConflict) {
  EXPECT_EQ(Merge(R"({"flavors":["a","b"]})", {Flavor("a", R"({"scaling":{"maxReplicaCount":2}})"),
                                               Flavor("b", R"({"scaling":{"maxReplicaCount":2}})")}),
            "Invalid: flavors \"a\" and \"b\" both set spec.scaling.maxReplicaCount: keep it in one of them, or set it "
            "in the actor");
  EXPECT_EQ(
      Merge(R"({"flavors":["a","b"]})", {Flavor("a", R"({"env":[{"name":"X","value":"1"}]})"),
                                         Flavor("b", R"({"env":[{"name":"X","value":"2"}]})")}),
      "Invalid: flavors \"a\" and \"b\" both set spec.env[name=\"X\"]: keep it in one of them, or set it in the actor");
  EXPECT_EQ(Merge(R"({"flavors":["a","b"]})",
                  {Flavor("a", R"({"affinity":{"x":1}})"), Flavor("b", R"({"affinity":{"x":[]}})")}),
            "Invalid: flavors \"a\" and \"b\" both set spec.affinity.x, with different types: keep it in one of them, "
            "or set it in the "
            "actor");
}

TEST(MergeFlavors, AConflictThatTheActorReplacesIsStillOne) {
  // The flavors cannot be used together, whatever this actor says: the next actor would be struck by it.
  EXPECT_NE(Merge(R"({"flavors":["a","b"],"image":"mine"})",
                  {Flavor("a", R"({"image":"x"})"), Flavor("b", R"({"image":"y"})")})
                .find("both set spec.image"),
            std::string::npos);
}

TEST(MergeFlavors, NamesAMissingFlavor) {
  EXPECT_EQ(Merge(R"({"flavors":["a","gone"]})", {Flavor("a", "{}")}), "NotFound: flavor \"gone\" does not exist");
}

TEST(MergeFlavors, TakesNoIdentityFromAFlavor) {
  EXPECT_EQ(
      Merge(R"({"flavors":["a"]})", {Flavor("a", R"({"actor":"x","transport":"y","flavors":["z"],"image":"i"})")}),
      R"({"image":"i"})");
}

}  // namespace
}  // namespace asya::compositions
