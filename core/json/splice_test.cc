#include "core/json/splice.h"

#include <gtest/gtest.h>

namespace asya::json {
namespace {

std::string Find(std::string_view text, std::string_view pointer) {
  const auto found = FindText(text, *Pointer::Parse(pointer));
  return found.ok() ? std::string(*found) : ErrorCodeName(found.error().code);
}

std::string Put(std::string_view text, std::string_view pointer, std::string_view value) {
  const auto put = PutText(text, *Pointer::Parse(pointer), value);
  return put.ok() ? *put : ErrorCodeName(put.error().code);
}

TEST(Splice, FindsAPlaceWithoutChangingItsText) {
  const std::string text = R"( {"a": [1.50, {"b/c": "x"}], "big": 123456789012345678901234567890} )";
  EXPECT_EQ(Find(text, "/a/0"), "1.50");
  EXPECT_EQ(Find(text, "/a/1/b~1c"), R"("x")");
  EXPECT_EQ(Find(text, "/big"), "123456789012345678901234567890");
  EXPECT_EQ(Find(" 7 ", ""), "7");
  for (const char* nothing : {"/b", "/a/2", "/a/00", "/a/-", "/big/x"}) EXPECT_EQ(Find(text, nothing), "NotFound");
  EXPECT_EQ(Find(R"({"a":)", "/a"), "Invalid");
}

TEST(Splice, PutsAValueAndKeepsTheRestAsItWas) {
  EXPECT_EQ(Put(R"({"n": 1.50, "a": 1})", "/a", "[2]"), R"({"n": 1.50, "a": [2]})");
  EXPECT_EQ(Put(R"({"n": 1.50})", "/r/s", "2"), R"({"n": 1.50,"r":{"s":2}})");
  EXPECT_EQ(Put("{}", "/q\"", "2"), R"({"q\"":2})");
  EXPECT_EQ(Put("null", "/a/b", "2"), R"({"a":{"b":2}})");
  EXPECT_EQ(Put(R"({"a":null})", "/a/b", "2"), R"({"a":{"b":2}})");
  EXPECT_EQ(Put("[1, 2]", "/1", "3"), "[1, 3]");
  EXPECT_EQ(Put("[]", "/-", "3"), "[3]");
  EXPECT_EQ(Put("[1]", "/-/a", "3"), R"([1,{"a":3}])");
  EXPECT_EQ(Put("\"all of it\"", "", "3"), "3");
  for (const char* pointer : {"/2", "/x"}) EXPECT_EQ(Put("[1, 2]", pointer, "3"), "Invalid");
  EXPECT_EQ(Put("5", "/a", "3"), "Invalid");
  EXPECT_EQ(Put("{\"a\"", "/a", "3"), "Invalid");
}

}  // namespace
}  // namespace asya::json
