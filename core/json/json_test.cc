#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <string_view>
#include <vector>

#include "core/json/parse.h"
#include "core/json/scan.h"
#include "core/json/split.h"
#include "core/json/value.h"

namespace asya::json {
namespace {

TEST(Parse, KeepsIntegersAndSortsKeys) {
  const auto value = Parse(R"({"b":1,"a":[true,null,-2.5,"x\u00e9"]})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(Dump(*value), "{\"a\":[true,null,-2.5,\"x\xC3\xA9\"],\"b\":1}");
}

TEST(Parse, NamesTheRepeatedField) {
  const auto refused = Parse(R"({"spec":{"a":1,"a":2}})");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("duplicate field \"spec.a\""), std::string::npos) << refused.error().message;
  std::vector<std::string> duplicates;
  ParseOptions options;
  options.duplicate_paths = &duplicates;
  ASSERT_TRUE(Parse(R"({"spec":{"a":1,"a":2}})", options).ok());
  EXPECT_EQ(duplicates, std::vector<std::string>{"spec.a"});
}

TEST(Parse, RefusesWhatIsNotOneValue) {
  for (const char* text : {"", "{", "[1,]", "{} x", "{\"a\":\"\xFF\"}", "nul", "{\"a\" 1}"}) {
    EXPECT_FALSE(Parse(text).ok()) << text;
  }
  EXPECT_FALSE(Parse(std::string(200, '[') + std::string(200, ']')).ok());
}

TEST(Split, GivesSpansOfTheText) {
  const std::string text = "{ \"id\" : \"a\" ,\"payload\":\n{\"x\": [1, 2 ]} , \"n\": 12 }";
  const auto members = Split(text);
  ASSERT_TRUE(members.ok()) << members.error().message;
  ASSERT_EQ(members->size(), 3U);
  EXPECT_EQ((*members)[0].value, "\"a\"");
  EXPECT_EQ((*members)[1].key, "payload");
  EXPECT_EQ((*members)[1].value, "{\"x\": [1, 2 ]}");
  EXPECT_EQ((*members)[2].value, "12");
}

TEST(Split, NumbersThatEndTheObjectKeepTheirDigits) {
  const std::string text = R"({"a":1.5e3,"b":[],"c":{},"d":null,"e":-7})";
  const auto members = Split(text);
  ASSERT_TRUE(members.ok());
  EXPECT_EQ((*members)[0].value, "1.5e3");
  EXPECT_EQ((*members)[1].value, "[]");
  EXPECT_EQ((*members)[2].value, "{}");
  EXPECT_EQ((*members)[3].value, "null");
  EXPECT_EQ((*members)[4].value, "-7");
}

TEST(Split, RefusesArraysScalarsAndRepeats) {
  for (const char* text : {"[]", "1", "\"a\"", "{\"a\":1,\"a\":2}", "{\"a\":\"\xC3\"}", "{\"a\":1", ""}) {
    EXPECT_FALSE(Split(text).ok()) << text;
  }
}

TEST(Split, NamesOfFieldsAreText) {
  for (const char* text : {R"({"\udc00":1,"\udc00":2})", R"({"a\udfff":1})"}) {
    const auto members = Split(text);
    ASSERT_FALSE(members.ok()) << text;
    EXPECT_NE(members.error().message.find("a lone surrogate"), std::string::npos) << members.error().message;
  }
  EXPECT_TRUE(Split(R"({"\ud83d\ude00":"\udc00"})").ok()) << "what is inside a value is not read";
}

TEST(Parse, ANumberStaysTheSameWhenItIsReadAndWrittenAgain) {
  for (const std::string text :
       {"0.1", "1.7976931348623157e308", "5e-324", "2.2250738585072014e-308", "333333333333333333333333333333322.5",
        "9007199254740993.0", "0.30000000000000004", "123456789012345678901234567890.123456789", "0E110", "0.0", "-0.0",
        "1e-400", "18446744073709551615"}) {
    const auto once = Parse(text);
    ASSERT_TRUE(once.ok()) << text;
    EXPECT_EQ(once->AsDouble(), std::strtod(text.c_str(), nullptr)) << text;
    EXPECT_EQ(Dump(*Parse(Dump(*once))), Dump(*once)) << text;
  }
}

TEST(Parse, RefusesNumbersTooLargeAndLoneSurrogates) {
  for (const char* bad : {"1e400", "-1e309", R"("\ude00")", R"({"\ude00":1})", R"("\ud66d\ude00")", R"("\ud800")"}) {
    EXPECT_FALSE(Parse(bad).ok()) << bad;
  }
  EXPECT_EQ(Parse(R"("\ud83d\ude00")")->AsString(), "\xf0\x9f\x98\x80");
  EXPECT_EQ(Parse("\"\xed\x95\x9c\"")->AsString(), "\xed\x95\x9c");
  EXPECT_EQ(Parse("-9223372036854775808")->AsInt(), std::numeric_limits<std::int64_t>::min());
}

// Split scans strings in blocks of 16 bytes; the parser of values, which does not, says what is right.
TEST(Split, AgreesWithTheParserOnEveryByteAtEveryPlace) {
  const std::string text =
      R"({"payload":{"text":"0123456789abcdef0123456789abcdef é 漢字","n":[1,2.5e3,null]},"id":"\u00e9\"x"})";
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[at] = static_cast<char>(byte);
      const auto members = Split(changed);
      const auto value = Parse(changed);
      ASSERT_EQ(members.ok(), value.ok() && value->IsObject()) << "byte " << byte << " at " << at;
      if (!members.ok()) continue;
      for (const Member& member : *members) {
        const auto span = Parse(member.value);
        ASSERT_TRUE(span.ok()) << "byte " << byte << " at " << at;
        ASSERT_EQ(Dump(*span), Dump(*value->Find(member.key))) << "byte " << byte << " at " << at;
      }
    }
  }
}

// The quick scan gives up at these; what they are is the same.
TEST(Split, TakesWhatIsUnusual) {
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  for (const std::string& value :
       {std::string(R"("\ud83d\ude00")"), std::string(R"("\u0041\\")"), deep, std::string("1e123"),
        std::string(80, '7'), std::string("-0.5E-7"), std::string("\"\xf0\x9f\x98\x80\"")}) {
    const std::string text = "{\"a\\u0062\": 1, \"v\": " + value + "}";
    const auto members = Split(text);
    ASSERT_TRUE(members.ok()) << value << ": " << members.error().message;
    EXPECT_EQ((*members)[0].key, "ab");
    EXPECT_EQ((*members)[1].value, value);
    const std::string list = "[" + value + "]";
    EXPECT_EQ(SplitArray(list).value(), std::vector<std::string_view>{value});
    ASSERT_TRUE(Parse(list).ok()) << value;
  }
  for (const char* bad :
       {R"({"a":"\ud83d"})", R"({"a":"\ud83dx"})", R"({"a":"\x"})", "{\"a\":01}", "{\"a\":.5}", "{\"a\":1.}",
        "{\"a\":1e}", "{\"a\":-}", "{\"a\":tru}", "{\"a\":[1}", "{\"a\":{\"b\"}}", "{\"a\":1,}", "{a:1}"}) {
    EXPECT_FALSE(Split(bad).ok()) << bad;
    EXPECT_FALSE(Parse(bad).ok()) << bad;
  }
  EXPECT_FALSE(Split("{\"a\":" + std::string(600, '[') + std::string(600, ']') + "}").ok());
}

TEST(Dump, ADecimalIsReadAsTheSameNumberAndIsNoLongerThanItHasToBe) {
  for (int i = 0; i <= 100'000; ++i) {
    for (const double number : {i * 7 / 1e6, i * 991 / 1e3}) {
      const std::string text = Dump(number);
      ASSERT_EQ(Parse(text)->AsDouble(), number) << text;
      ASSERT_LE(text.size(), DumpPretty(number).size());
    }
  }
  for (const double odd : {0.0, -0.0, 1e-6, 1e-7, 123456.0, 99999999.5, 1e8, 1e21, 0.1 + 0.2, -1.5, 1234567.000001}) {
    EXPECT_EQ(Dump(odd), DumpPretty(odd));
  }
  EXPECT_EQ(Dump(0.002877), "0.002877");
}

TEST(Dump, EscapesWhatHasToBeAndNothingElse) {
  const Value text(std::string("a\"\\\b\f\n\r\t\x01\x1f\x7f/ \xc3\xa9", 15));
  EXPECT_EQ(Dump(text), R"("a\"\\\b\f\n\r\t\u0001\u001F)"
                        "\x7f/ \xc3\xa9\"");
  EXPECT_EQ(Dump(Array{1, Value(2.5), nullptr, true, Object{{"b", false}, {"a", Array{}}}}),
            R"([1,2.5,null,true,{"a":[],"b":false}])");
  EXPECT_EQ(Dump(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
}

TEST(Split, WhatFollowsAZeroByteIsNotOverlooked) {
  for (const std::string_view rest : {"", "{}", "garbage"}) {
    const std::string text = std::string(R"({"a":1})") + '\0' + std::string(rest);
    EXPECT_FALSE(Split(text).ok()) << rest;
    EXPECT_FALSE(Parse(text).ok()) << rest;
  }
}

TEST(Split, FindsARepeatAmongMany) {
  std::string text = "{";
  constexpr int kMembers = 200'000;  // minutes, if each key were compared with each
  for (int i = 0; i < kMembers; ++i) text += "\"k" + std::to_string(i) + "\":1,";
  const auto members = Split(text + "\"last\":1}");
  ASSERT_TRUE(members.ok());
  EXPECT_EQ(members->size(), kMembers + 1U);
  for (const char* repeated : {"k0", "k17", "k199999"}) {
    EXPECT_FALSE(Split(text + "\"" + repeated + "\":1}").ok()) << repeated;
  }
}

TEST(SplitArray, GivesTheItems) {
  const std::string text = "[ {\"a\":[1,2]} , 1.5,\"x,y\" ,[] ,[[3],4],null ]";
  const auto items = SplitArray(text);
  ASSERT_TRUE(items.ok()) << items.error().message;
  EXPECT_EQ(*items, (std::vector<std::string_view>{"{\"a\":[1,2]}", "1.5", "\"x,y\"", "[]", "[[3],4]", "null"}));
  EXPECT_TRUE(SplitArray(" []").value().empty());
  for (const char* bad : {"{}", "1", "[1", "[1,]", ""}) EXPECT_FALSE(SplitArray(bad).ok()) << bad;
}

// In memory of just that size, so that a look beyond it is seen.
TEST(PlainEnd, FindsTheFirstByteThatDoesNotStandForItself) {
  constexpr std::string_view kPlain = "!#[]~ \x7f";  // the neighbours of those that are looked for
  constexpr std::size_t kLongest = 160;
  for (std::size_t size = 0; size <= kLongest; ++size) {
    std::vector<char> text(size);
    for (std::size_t i = 0; i < size; ++i) text[i] = kPlain[i % kPlain.size()];
    const char* const begin = text.data();
    EXPECT_EQ(PlainEnd(begin, begin + size) - begin, static_cast<std::ptrdiff_t>(size));
    for (std::size_t at = 0; at < size; ++at) {
      const char before = text[at];
      for (const char odd : {'"', '\\', '\0', '\x1f', '\x80', '\xff'}) {
        text[at] = odd;
        ASSERT_EQ(PlainEnd(begin, begin + size) - begin, static_cast<std::ptrdiff_t>(at)) << size << ' ' << int{odd};
      }
      text[at] = before;
    }
  }
}

}  // namespace
}  // namespace asya::json
