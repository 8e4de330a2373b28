#include <gtest/gtest.h>

#include "core/json/json_patch.h"
#include "core/json/merge_patch.h"
#include "core/json/parse.h"
#include "core/json/pointer.h"

namespace asya::json {
namespace {

Value Of(std::string_view text) { return Parse(text).value(); }
Pointer At(std::string_view text) { return Pointer::Parse(text).value(); }

std::string Patched(std::string_view target, std::string_view patch) {
  const auto operations = ParseJsonPatch(Of(patch));
  if (!operations.ok()) return "bad patch: " + operations.error().message;
  const auto result = ApplyJsonPatch(Of(target), *operations);
  return result.ok() ? Dump(*result) : result.error().message;
}

// The examples of RFC 6901, section 5.
TEST(Pointer, FindsWhatTheRfcSays) {
  const Value root = Of(R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"m~n":8," ":7})");
  EXPECT_EQ(At("").Find(root), &root);
  EXPECT_EQ(Dump(*At("/foo").Find(root)), R"(["bar","baz"])");
  EXPECT_EQ(*At("/foo/0").Find(root), Value("bar"));
  EXPECT_EQ(*At("/").Find(root), Value(0));
  EXPECT_EQ(*At("/a~1b").Find(root), Value(1));
  EXPECT_EQ(*At("/m~0n").Find(root), Value(8));
  EXPECT_EQ(*At("/ ").Find(root), Value(7));
  for (const char* absent : {"/foo/2", "/foo/00", "/foo/-", "/foo/0/x", "/x", "/foo/99999999999999999999"}) {
    EXPECT_EQ(At(absent).Find(root), nullptr) << absent;
  }
}

TEST(Pointer, RefusesWhatIsNone) {
  for (const char* bad : {"a", "/~", "/~2", "/a~"}) EXPECT_FALSE(Pointer::Parse(bad).ok()) << bad;
}

TEST(Pointer, TextIsWhatWasParsed) {
  for (const char* text : {"", "/", "/a~1b/~0/0", "//"}) EXPECT_EQ(At(text).Text(), text);
}

TEST(Pointer, SetMakesTheObjectsOnTheWay) {
  Value root = Of("{}");
  ASSERT_TRUE(At("/a/b").Set(root, 1).ok());
  EXPECT_EQ(Dump(root), R"({"a":{"b":1}})");
  EXPECT_FALSE(At("/a/b/c").Set(root, 1).ok());
}

// The table of RFC 7396, appendix A.
TEST(MergePatch, DoesWhatTheRfcSays) {
  const char* cases[][3] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"a":1,"e":null})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const auto& [target, patch, expected] : cases) {
    Value value = Of(target);
    MergePatch(value, Of(patch));
    EXPECT_EQ(Dump(value), expected) << target << " with " << patch;
  }
}

// The examples of RFC 6902, appendix A.
TEST(JsonPatch, DoesWhatTheRfcSays) {
  EXPECT_EQ(Patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])"),
            R"({"baz":"qux","foo":"bar"})");
  EXPECT_EQ(Patched(R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])"),
            R"({"foo":["bar","qux","baz"]})");
  EXPECT_EQ(Patched(R"({"baz":1,"foo":2})", R"([{"op":"remove","path":"/baz"}])"), R"({"foo":2})");
  EXPECT_EQ(Patched(R"({"foo":["a","b","c"]})", R"([{"op":"remove","path":"/foo/1"}])"), R"({"foo":["a","c"]})");
  EXPECT_EQ(Patched(R"({"baz":1})", R"([{"op":"replace","path":"/baz","value":"boo"}])"), R"({"baz":"boo"})");
  EXPECT_EQ(
      Patched(R"({"foo":{"bar":1,"waldo":2},"qux":{}})", R"([{"op":"move","from":"/foo/waldo","path":"/qux/thud"}])"),
      R"({"foo":{"bar":1},"qux":{"thud":2}})");
  EXPECT_EQ(Patched(R"({"foo":["all","grass","cows","eat"]})", R"([{"op":"move","from":"/foo/1","path":"/foo/3"}])"),
            R"({"foo":["all","cows","eat","grass"]})");
  EXPECT_EQ(Patched(R"({"a":[1,2]})", R"([{"op":"copy","from":"/a","path":"/b"}])"), R"({"a":[1,2],"b":[1,2]})");
  EXPECT_EQ(Patched(R"({"foo":["bar"]})", R"([{"op":"add","path":"/foo/-","value":["abc"]}])"),
            R"({"foo":["bar",["abc"]]})");
  EXPECT_EQ(Patched(R"({"foo":"bar"})", R"([{"op":"add","path":"","value":1}])"), "1");
  EXPECT_EQ(Patched(R"({"a":1,"b":[]})", R"([{"op":"test","path":"/a","value":1.0}])"), R"({"a":1,"b":[]})");
}

TEST(JsonPatch, NamesTheOperationThatFails) {
  EXPECT_EQ(Patched(R"({"a":1})", R"([{"op":"test","path":"/a","value":2}])"),
            "operation 0 (test /a): the value there is another");
  EXPECT_EQ(Patched("{}", R"([{"op":"add","path":"/a","value":1},{"op":"add","path":"/b/c","value":1}])"),
            "operation 1 (add /b/c): nothing holds /b/c");
  EXPECT_EQ(Patched("[]", R"([{"op":"add","path":"/1","value":1}])"), "operation 0 (add /1): /1 is outside its array");
  EXPECT_EQ(Patched(R"({"a":{}})", R"([{"op":"move","from":"/a","path":"/a/b"}])"),
            "operation 0 (move /a/b): a value cannot move into itself");
}

TEST(JsonPatch, RefusesWhatIsNoPatch) {
  for (const char* bad :
       {"{}", "[1]", R"([{"op":"jump","path":"/a"}])", R"([{"op":"add","path":"/a"}])", R"([{"op":"remove"}])",
        R"([{"op":"copy","path":"/a"}])", R"([{"op":"remove","path":"a"}])"}) {
    EXPECT_FALSE(ParseJsonPatch(Of(bad)).ok()) << bad;
  }
}

TEST(JsonPatch, BoundsOperationsAndCopies) {
  Array many(kPatchOperationsLimit + 1, Of(R"({"op":"remove","path":"/a"})"));
  EXPECT_EQ(ParseJsonPatch(Value(many)).error().code, ErrorCode::kTooLarge);
  Array doubling(60, Of(R"({"op":"copy","from":"","path":"/a"})"));
  const auto operations = ParseJsonPatch(Value(doubling)).value();
  const Value start = Of(R"({"b":")" + std::string(1000, 'x') + "\"}");
  EXPECT_EQ(ApplyJsonPatch(start, operations).ok(), true) << "each copy replaces the one before";
  Array growing(60, Of(R"({"op":"copy","from":"","path":"/-"})"));
  EXPECT_EQ(ApplyJsonPatch(Of(R"(["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"])"), ParseJsonPatch(Value(growing)).value())
                .error()
                .code,
            ErrorCode::kTooLarge);
}

}  // namespace
TEST(JsonPatch, BoundsTheDepthOfItsResult) {
  const auto nested = [](int levels) {
    std::string text = "1";
    for (int i = 0; i < levels; ++i) text = R"({"a":)" + text + "}";
    return Of(text);
  };
  std::string path;
  for (int i = 0; i < 6; ++i) path += "/a";
  const auto patched = [&](const std::string& name, const Value& value) {
    const Value operation(Object{{"op", name}, {"path", path}, {"from", ""}, {"value", value}});
    return ApplyJsonPatch(nested(6), ParseJsonPatch(Value(Array{operation})).value(), 10);
  };
  for (const char* name : {"add", "replace"}) {
    EXPECT_TRUE(patched(name, nested(4)).ok()) << name;
    EXPECT_EQ(patched(name, nested(5)).error().message,
              "operation 0 (" + std::string(name) + " /a/a/a/a/a/a): nested deeper than 10 levels");
  }
  EXPECT_FALSE(patched("copy", Value()).ok()) << "six levels below six";
}

TEST(JsonPatch, BoundsWhatItMoves) {
  Array there_and_back;
  for (int i = 0; i < 40; ++i) {
    const bool there = i % 2 == 0;
    there_and_back.push_back(Object{{"op", "move"}, {"from", there ? "/a" : "/b"}, {"path", there ? "/b" : "/a"}});
  }
  const Value large = Of(R"({"a":")" + std::string(100'000, 'x') + "\"}");
  EXPECT_EQ(ApplyJsonPatch(large, ParseJsonPatch(Value(there_and_back)).value()).error().code, ErrorCode::kTooLarge);
}

}  // namespace asya::json
