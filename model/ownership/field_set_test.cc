#include "model/ownership/field_set.h"

#include "model/ownership/test_schema.h"

namespace asya::model {
namespace {

FieldSet Set(const std::string& text) {
  auto set = DecodeFieldSet(Json(text));
  EXPECT_TRUE(set.ok()) << text;
  return set.ok() ? *set : FieldSet();
}

std::vector<std::string> Paths(const FieldSet& set) {
  std::vector<std::string> paths;
  ForEachPath(set, [&](const Path& path) { paths.push_back(DescribePath(path)); });
  return paths;
}

TEST(FieldSet, ReadsAndWritesFieldsV1) {
  for (const char* text : {
           R"({})",
           R"({"f:spec":{"f:replicas":{}}})",
           R"({"f:spec":{".":{},"f:env":{".":{},"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}}}})",
           R"({"f:metadata":{"f:finalizers":{"v:\"x\"":{},"v:1":{},"v:true":{}}}})",
           R"({"f:a":{"i:0":{},"i:7":{"f:b":{}}}})",
           R"({"f:":{},"f:with.dot/and:colon":{}})",
       }) {
    EXPECT_EQ(json::Dump(EncodeFieldSet(Set(text))), text);
  }
}

TEST(FieldSet, ReadsOtherWritingsOfTheSame) {
  EXPECT_EQ(Set(R"({"k:{\"b\":1.0,\"a\":\"x\"}":{}})"), Set(R"({"k:{ \"a\":\"x\", \"b\":1 }":{}})"));
  EXPECT_EQ(Set(R"({"v:2.0":{}})"), Set(R"({"v:2":{}})"));
  EXPECT_EQ(Set(R"({"f:a":{"x:later":{}},"y:z":5,".":{}})"), Set(R"({"f:a":{}})"));
  EXPECT_EQ(Set(R"({"f:a":null})"), Set(R"({"f:a":{}})"));
  EXPECT_EQ(json::Dump(EncodeFieldSet(Set("null"))), "{}");
}

TEST(FieldSet, RefusesWhatIsMalformed) {
  std::string deep = "{}";
  for (std::size_t i = 0; i <= kFieldSetDepthLimit; ++i) deep = R"({"f:a":)" + deep + "}";
  std::string wide = "{";
  for (std::size_t i = 0; i <= kFieldSetElementsLimit; ++i) {
    wide += (i == 0 ? "\"f:" : ",\"f:") + std::to_string(i) + "\":{}";
  }
  wide += "}";
  for (const std::string& text :
       {std::string("[]"), std::string("5"), std::string(R"({"a":{}})"), std::string(R"({"":{}})"),
        std::string(R"({"f:a":5})"), std::string(R"({"k:[1]":{}})"), std::string(R"({"k:{":{}})"),
        std::string(R"({"v:nonsense":{}})"), std::string(R"({"i:x":{}})"), std::string(R"({"i:1x":{}})"), deep, wide}) {
    EXPECT_FALSE(DecodeFieldSet(Json(text)).ok()) << text.substr(0, 40);
  }
}

TEST(FieldSet, DescribesPathsAsMessagesDo) {
  const FieldSet set = Set(
      R"({"f:spec":{".":{},"f:env":{"k:{\"name\":\"A\",\"port\":80}":{"f:value":{}}},"f:x":{"v:\"b\"":{},"i:3":{}}}})");
  EXPECT_EQ(Paths(set), (std::vector<std::string>{".spec", R"(.spec.env[name="A",port=80].value)", R"(.spec.x[="b"])",
                                                  ".spec.x[3]"}));
}

TEST(FieldSet, KnowsItsAlgebra) {
  const FieldSet a = Set(R"({"f:a":{".":{},"f:b":{},"f:c":{}}})");
  const FieldSet b = Set(R"({"f:a":{"f:b":{},"f:d":{}}})");
  EXPECT_EQ(Union(a, b), Set(R"({"f:a":{".":{},"f:b":{},"f:c":{},"f:d":{}}})"));
  EXPECT_EQ(Intersection(a, b), Set(R"({"f:a":{"f:b":{}}})"));
  EXPECT_EQ(Difference(a, b), Set(R"({"f:a":{".":{},"f:c":{}}})"));
  // A parent that is taken away leaves its children.
  EXPECT_EQ(Difference(a, Set(R"({"f:a":{}})")), Set(R"({"f:a":{"f:b":{},"f:c":{}}})"));
  EXPECT_TRUE(a.Has({"f:a"}));
  EXPECT_TRUE(a.Has({"f:a", "f:c"}));
  EXPECT_FALSE(b.Has({"f:a"}));
  EXPECT_FALSE(b.Has({"f:a", "f:b", "f:c"}));
}

}  // namespace
}  // namespace asya::model
