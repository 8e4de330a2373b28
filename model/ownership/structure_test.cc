#include "model/ownership/structure.h"

#include "model/kinds.h"
#include "model/ownership/test_schema.h"

namespace asya::model {
namespace {

std::string Fields(const std::string& object) {
  return json::Dump(EncodeFieldSet(FieldsOf(TestSchema(), Json(object))));
}

std::string Merged(const std::string& live, const std::string& config) {
  return json::Dump(Merge(TestSchema(), Json(live), Json(config)));
}

TEST(FieldsOf, ClaimsLeavesElementsAndFreeKeys) {
  EXPECT_EQ(Fields(R"({"spec":{"image":"i","scaling":{"min":1}}})"),
            R"({"f:spec":{"f:image":{},"f:scaling":{"f:min":{}}}})");
  EXPECT_EQ(Fields(R"({"spec":{"scaling":{},"env":[],"args":[],"image":null}})"),
            R"({"f:spec":{"f:args":{},"f:image":{},"f:scaling":{}}})");
  EXPECT_EQ(Fields(R"({"spec":{"env":[{"name":"A","value":"1"}]}})"),
            R"({"f:spec":{"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}}}})");
  EXPECT_EQ(Fields(R"({"spec":{"ports":[{"port":80,"protocol":"TCP"},{"port":81}]}})"),
            R"({"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:protocol":{}},)"
            R"("k:{\"port\":81}":{".":{},"f:port":{}}}}})");
  EXPECT_EQ(Fields(R"({"spec":{"tags":["b","a"],"args":["x"],"selector":{"a":"b"}}})"),
            R"({"f:spec":{"f:args":{},"f:selector":{},"f:tags":{"v:\"a\"":{},"v:\"b\"":{}}}})");
  EXPECT_EQ(Fields(R"({"metadata":{"labels":{"a":"b"},"finalizers":["x/y"]}})"),
            R"({"f:metadata":{"f:finalizers":{"v:\"x/y\"":{}},"f:labels":{"f:a":{}}}})");
  // Elements that are one value, and members that nobody described: maps are looked into, lists are not.
  EXPECT_EQ(
      Fields(R"({"metadata":{"ownerReferences":[{"uid":"u","name":"n"}]},"spec":{"extra":{"a":{"b":[{"c":1}]}}}})"),
      R"({"f:metadata":{"f:ownerReferences":{"k:{\"uid\":\"u\"}":{}}},)"
      R"("f:spec":{"f:extra":{"f:a":{".":{},"f:b":{}}}}})");
  EXPECT_EQ(Fields(R"({"spec":{"policies":{"default":{"attempts":1}}}})"),
            R"({"f:spec":{"f:policies":{"f:default":{".":{},"f:attempts":{}}}}})");
}

TEST(Merge, LooksIntoWhatIsGranular) {
  EXPECT_EQ(Merged(R"({"spec":{"image":"a","scaling":{"min":1}}})", R"({"spec":{"scaling":{"max":2}}})"),
            R"({"spec":{"image":"a","scaling":{"max":2,"min":1}}})");
  EXPECT_EQ(
      Merged(R"({"spec":{"args":["a"],"selector":{"a":"b"}}})", R"({"spec":{"args":["b"],"selector":{"c":"d"}}})"),
      R"({"spec":{"args":["b"],"selector":{"c":"d"}}})");
  EXPECT_EQ(Merged(R"({"spec":{"args":["a"],"scaling":{"min":1}}})", R"({"spec":{"args":[],"scaling":{}}})"),
            R"({"spec":{"args":[],"scaling":{"min":1}}})");
  EXPECT_EQ(Merged(R"({"spec":{"scaling":{"min":1}}})", R"({"spec":{"scaling":null}})"),
            R"({"spec":{"scaling":{"min":1}}})");
  EXPECT_EQ(Merged(R"({"spec":{"env":[{"name":"A","value":"1","note":"n"}]}})",
                   R"({"spec":{"env":[{"name":"A","value":"2"}]}})"),
            R"({"spec":{"env":[{"name":"A","note":"n","value":"2"}]}})");
  EXPECT_EQ(Merged(R"({"spec":{"image":"a"}})", R"({"spec":{"image":{"wrong":1}}})"),
            R"({"spec":{"image":{"wrong":1}}})");
}

TEST(Merge, OrdersListsByTheConfiguration) {
  struct Case {
    const char* live;
    const char* config;
    const char* merged;
  };
  for (const Case& c : {
           Case{R"(["a","b"])", R"(["c"])", R"(["a","b","c"])"},
           Case{R"(["a","b"])", R"(["b","a"])", R"(["b","a"])"},
           Case{R"(["a","x","b"])", R"(["b","a"])", R"(["x","b","a"])"},
           Case{R"(["a","b","c"])", R"(["c","a"])", R"(["b","c","a"])"},
           Case{R"(["a"])", R"(["n","a","m"])", R"(["n","a","m"])"},
           Case{R"(["a","x","b"])", R"(["a","n","b"])", R"(["a","x","n","b"])"},
           Case{R"([])", R"(["b","a"])", R"(["b","a"])"},
       }) {
    const std::string head = R"({"spec":{"tags":)";
    EXPECT_EQ(Merged(head + c.live + "}}", head + c.config + "}}"), head + c.merged + "}}");
  }
}

TEST(Compare, TellsWhatCameWentAndChanged) {
  struct Case {
    const char* before;
    const char* after;
    const char* added;
    const char* removed;
    const char* modified;
  };
  for (const Case& c : {
           Case{R"({"spec":{"image":"a"}})", R"({"spec":{"image":"b"}})", "{}", "{}", R"({"f:spec":{"f:image":{}}})"},
           Case{R"({})", R"({"spec":{"image":"a"}})", R"({"f:spec":{".":{},"f:image":{}}})", "{}", "{}"},
           Case{R"({"spec":{"image":"a"}})", R"({})", "{}", R"({"f:spec":{".":{},"f:image":{}}})", "{}"},
           Case{R"({"spec":{"tags":["a","b"]}})", R"({"spec":{"tags":["b","a","c"]}})",
                R"({"f:spec":{"f:tags":{"v:\"c\"":{}}}})", "{}", "{}"},
           Case{R"({"spec":{"args":["a"]}})", R"({"spec":{"args":["b"]}})", "{}", "{}", R"({"f:spec":{"f:args":{}}})"},
           Case{R"({"spec":{"env":[{"name":"A","value":"1"}]}})", R"({"spec":{"env":[{"name":"A","value":"2"}]}})",
                "{}", "{}", R"({"f:spec":{"f:env":{"k:{\"name\":\"A\"}":{"f:value":{}}}}})"},
           Case{R"({"spec":{"env":[{"name":"A"}]}})", R"({"spec":{"env":[{"name":"B"}]}})",
                R"({"f:spec":{"f:env":{"k:{\"name\":\"B\"}":{".":{},"f:name":{}}}}})",
                R"({"f:spec":{"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{}}}}})", "{}"},
           Case{R"({"spec":{"scaling":{}}})", R"({"spec":{"scaling":{"min":1}}})",
                R"({"f:spec":{"f:scaling":{"f:min":{}}}})", "{}", "{}"},
           Case{R"({"spec":{"replicas":1}})", R"({"spec":{"replicas":1.0}})", "{}", "{}", "{}"},
           Case{R"({"spec":{"extra":{"a":1}}})", R"({"spec":{"extra":{"a":{"b":2}}}})",
                R"({"f:spec":{"f:extra":{"f:a":{"f:b":{}}}}})", "{}", R"({"f:spec":{"f:extra":{"f:a":{}}}})"},
       }) {
    const Comparison found = Compare(TestSchema(), Json(c.before), Json(c.after));
    EXPECT_EQ(json::Dump(EncodeFieldSet(found.added)), c.added) << c.after;
    EXPECT_EQ(json::Dump(EncodeFieldSet(found.removed)), c.removed) << c.after;
    EXPECT_EQ(json::Dump(EncodeFieldSet(found.modified)), c.modified) << c.after;
  }
}

TEST(WithoutFields, TakesOutWhatIsNamedAndWhatThatEmpties) {
  const auto set = [](const std::string& text) { return DecodeFieldSet(Json(text)).value(); };
  const auto left = [&](const std::string& object, const std::string& fields, const FieldSet* kept) {
    return json::Dump(WithoutFields(TestSchema(), Json(object), set(fields), kept));
  };
  const FieldSet none;
  const FieldSet scaling = set(R"({"f:spec":{"f:scaling":{}}})");
  const char* object = R"({"spec":{"image":"a","scaling":{"min":1}}})";
  const char* min = R"({"f:spec":{"f:scaling":{"f:min":{}}}})";
  EXPECT_EQ(left(object, R"({"f:spec":{"f:scaling":{}}})", &scaling), R"({"spec":{"image":"a"}})");
  EXPECT_EQ(left(object, min, &none), R"({"spec":{"image":"a"}})");
  EXPECT_EQ(left(object, min, &scaling), R"({"spec":{"image":"a","scaling":{}}})");
  EXPECT_EQ(left(object, min, nullptr), R"({"spec":{"image":"a","scaling":null}})");
  EXPECT_EQ(left(R"({"spec":{"tags":["a","b"],"args":["x"]}})",
                 R"({"f:spec":{"f:tags":{"v:\"a\"":{}},"f:args":{"f:x":{}}}})", &none),
            R"({"spec":{"args":["x"],"tags":["b"]}})");
  EXPECT_EQ(left(R"({"spec":{"env":[{"name":"A","value":"1"},{"name":"B"}]}})",
                 R"({"f:spec":{"f:env":{"k:{\"name\":\"A\"}":{"f:value":{}},"k:{\"name\":\"B\"}":{}}}})", &none),
            R"({"spec":{"env":[{"name":"A"}]}})");
}

TEST(WithNamedFields, CountsDescribedParents) {
  const FieldSet set =
      DecodeFieldSet(Json(R"({"f:spec":{"f:scaling":{"f:min":{}},"f:extra":{"f:a":{"f:b":{}}}}})")).value();
  EXPECT_EQ(json::Dump(EncodeFieldSet(WithNamedFields(TestSchema(), set))),
            R"({"f:spec":{".":{},"f:extra":{".":{},"f:a":{"f:b":{}}},"f:scaling":{".":{},"f:min":{}}}})");
}

TEST(CheckElements, FindsWhatCannotBeFoundAgain) {
  const auto fields = [](const std::string& object) {
    std::vector<std::string> all;
    for (const Cause& cause : CheckElements(TestSchema(), Json(object)))
      all.push_back(cause.field + " " + cause.reason);
    return all;
  };
  EXPECT_EQ(fields(R"({"spec":{"env":[{"name":"A"},{"name":"A","value":"secret"},{"value":"x"},5]}})"),
            (std::vector<std::string>{"spec.env[1].name FieldValueDuplicate", "spec.env[2].name FieldValueRequired",
                                      "spec.env[3] FieldValueTypeInvalid"}));
  EXPECT_EQ(fields(R"({"spec":{"tags":["a","a",{}]}})"),
            (std::vector<std::string>{"spec.tags[1] FieldValueDuplicate", "spec.tags[2] FieldValueTypeInvalid"}));
  EXPECT_EQ(fields(R"({"spec":{"ports":[{"port":1,"protocol":"T"},{"port":1,"protocol":"T"},{"port":1}]}})"),
            std::vector<std::string>{"spec.ports[1] FieldValueDuplicate"});
  EXPECT_TRUE(fields(R"({"spec":{"args":["a","a"],"env":"wrong type, found later"}})").empty());
}

// Every keyed list of a kind can be merged: its keys are described and must be given.
TEST(Kinds, HaveKeysThatAreRequired) {
  const std::function<void(const Schema&, const std::string&)> walk = [&](const Schema& schema, const std::string& at) {
    for (const std::string& key : schema.list_map_keys) {
      const Schema* field = schema.item.front().FindField(key);
      ASSERT_NE(field, nullptr) << at;
      EXPECT_TRUE(field->required) << at << "." << key;
    }
    for (const Schema& field : schema.fields) walk(field, at + "." + field.name);
    for (const Schema& item : schema.item) walk(item, at + "[]");
  };
  for (const KindInfo& kind : Kinds()) walk(kind.schema, kind.kind);
}

}  // namespace
}  // namespace asya::model
