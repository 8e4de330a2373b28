#include <gtest/gtest.h>

#include "core/json/parse.h"
#include "core/yaml/dump.h"
#include "core/yaml/parse.h"

namespace asya::yaml {
namespace {

std::string AsJson(const std::string& text) {
  const auto value = Parse(text);
  return value.ok() ? json::Dump(*value) : "error: " + value.error().message;
}

std::string Refused(const std::string& text, const ParseOptions& options = {}) {
  const auto value = ParseAll(text, options);
  return value.ok() ? "accepted" : value.error().message;
}

TEST(YamlParse, ReadsScalarsAsManifestsMeanThem) {
  EXPECT_EQ(AsJson("a: 1\nb: -2.5\nc: true\nd: \nf: 'x'\ne: ~\n"),
            R"({"a":1,"b":-2.5,"c":true,"d":null,"e":null,"f":"x"})");
  EXPECT_EQ(AsJson("[yes, no, on, off, y, NO]"), R"(["yes","no","on","off","y","NO"])");
  EXPECT_EQ(AsJson("[0755, 0o17, 0x1F, 08, 1e3, .5, '5', +3]"), R"([493,15,31,8,1000.0,0.5,"5",3])");
  EXPECT_EQ(AsJson("[9223372036854775807, 9223372036854775808]"), "[9223372036854775807,9223372036854776000.0]");
  EXPECT_EQ(AsJson("[2026-01-01, 1.2.3, 1Gi, 500m, 10s, 12:30, a: b]"),
            R"(["2026-01-01","1.2.3","1Gi","500m","10s","12:30",{"a":"b"}])");
  EXPECT_EQ(AsJson("[!!str 5, !!int '5', !!float 1, !!bool 'true', !!null '']"), R"(["5",5,1.0,true,null])");
  EXPECT_EQ(AsJson("1: a\ntrue: b\n"), R"({"1":"a","true":"b"})");
  EXPECT_EQ(AsJson("a: |\n  x\n  y\nb: >-\n  x\n  y\n"), R"({"a":"x\ny\n","b":"x y"})");
}

TEST(YamlParse, ReadsSeveralDocumentsAndSkipsEmptyOnes) {
  const auto documents = ParseAll("# only words\n---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n");
  ASSERT_TRUE(documents.ok()) << documents.error().message;
  ASSERT_EQ(documents->size(), 2U);
  EXPECT_EQ((*documents)[0].line, 2);
  EXPECT_EQ(json::Dump((*documents)[1].value), R"({"b":2})");
  EXPECT_TRUE(ParseAll("")->empty());
  EXPECT_FALSE(Parse("").ok());
  EXPECT_FALSE(Parse("a: 1\n---\nb: 1\n").ok());
}

TEST(YamlParse, FollowsAliasesAndMerges) {
  EXPECT_EQ(AsJson("a: &x {k: 1, l: 2}\nb: *x\nc: {<<: *x, k: 3}\nd: {<<: [*x, {m: 4}], l: 0}\n"),
            R"({"a":{"k":1,"l":2},"b":{"k":1,"l":2},"c":{"k":3,"l":2},"d":{"k":1,"l":0,"m":4}})");
  EXPECT_EQ(AsJson("'<<': 1"), R"({"<<":1})");
}

TEST(YamlParse, NamesLineAndColumn) {
  EXPECT_EQ(Refused("a: 1\nb: [1, 2\n").substr(0, 7), "line 3,");
  EXPECT_EQ(Refused("a: 1\na: 2\n"), "line 2, column 1: the key \"a\" is there twice");
  EXPECT_EQ(Refused("a:\n  - .inf\n"), "line 2, column 5: infinities and NaN cannot be used: JSON has no such numbers");
  EXPECT_EQ(Refused("a: !secret x"),
            "line 1, column 4: the value does not fit its tag, or the tag is none of !!str, !!int, !!float, !!bool and "
            "!!null");
  EXPECT_EQ(Refused("{[1]: 2}").substr(0, 6), "line 1");
  EXPECT_EQ(Refused("a: 1\nb: \xFFz\n"), "line 2, column 4: not UTF-8 text");
  EXPECT_EQ(Refused("a: &x [*x]\n"), "line 1, column 8: an alias must not stand inside the value that it repeats");
  EXPECT_NE(Refused("a: *nowhere\n"), "accepted");
  EXPECT_NE(Refused("a: 1\n\tb: 2\n"), "accepted");
  EXPECT_NE(Refused("<<: 1\n"), "accepted");
}

TEST(YamlParse, RefusesWhatBeginsNoDocument) {
  EXPECT_EQ(Refused(", a"), "line 1, column 1: no document can begin here");
  EXPECT_EQ(Refused("# words\n, a: 1\n"), "line 2, column 1: no document can begin here");
}

TEST(YamlParse, KeepsItsBounds) {
  EXPECT_NE(Refused(std::string(100, '[') + std::string(100, ']')).find("nested deeper than 64"), std::string::npos);
  std::string dashes;
  for (int i = 0; i < 10'000; ++i) dashes += "- ";
  EXPECT_NE(Refused(dashes), "accepted");
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += (k == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_NE(Refused(bomb).find("too large once aliases are followed"), std::string::npos) << Refused(bomb);
  ParseOptions small;
  small.size_limit_bytes = 3;
  EXPECT_EQ(Refused("a: 1", small), "YAML of 4 bytes: at most 3 are read");
  small = ParseOptions();
  small.document_limit = 1;
  EXPECT_EQ(Refused("a: 1\n---\na: 1\n", small), "more than 1 documents");
}

TEST(YamlDump, PrintsAsKubectlDoes) {
  const auto value = json::Parse(R"({"kind":"Pod","spec":{"containers":[{"name":"a","args":["-c","echo"],"env":[]}],
    
    "text":"one\ntwo\n","mode":"0755","no":"no","empty":"","n":null,"nested":[[1,2],[]],"version":"1.10",
    "time":"12:30"}})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(yaml::Dump(*value), R"(kind: Pod
spec:
  containers:
  - args:
    - -c
    - echo
    env: []
    name: a
  empty: ""
  mode: "0755"
  "n": null
  nested:
  -
    - 1
    - 2
  - []
  "no": "no"
  text: |
    one
    two
  time: "12:30"
  version: "1.10"
)");
  EXPECT_EQ(DumpAll({json::Value(1), json::Value("a")}), "1\n---\na\n");
}

const char* const kTexts[] = {"",
                              " ",
                              "a b",
                              "- a",
                              "a: b",
                              "a #b",
                              "#",
                              "null",
                              "~",
                              "1",
                              "1e3",
                              "0x1",
                              "true",
                              "yes",
                              ".",
                              "...",
                              "---",
                              "a\nb",
                              "a\n",
                              "\na",
                              "a\n\n",
                              "a \nb",
                              " a\nb",
                              "a\tb\n",
                              "a\n  b\n\nc",
                              "é\nü",
                              "\xC2\x85",
                              "\xE2\x80\xA8",
                              "\x7F",
                              "\x01",
                              "\"",
                              "'",
                              "\\",
                              "*a",
                              "&a",
                              "!a",
                              "%a",
                              "@a",
                              "`a",
                              "{",
                              "[",
                              ",",
                              "?",
                              "? a",
                              "|",
                              ">",
                              "a:",
                              ":a",
                              "2026-01-01",
                              "1_000",
                              "+",
                              "-",
                              "=",
                              "<<",
                              "\xEF\xBB\xBF",
                              "a\r\nb",
                              "0o8",
                              "a,b",
                              "a:b",
                              "http://a:1/b",
                              "--flag",
                              "-c",
                              "-1x",
                              "-.",
                              "- ",
                              "--",
                              "it's \"so\"",
                              "\\n'",
                              "{\"a\":1}",
                              "a: b\"",
                              "a #\"",
                              "12:30",
                              "1:a",
                              "x:"};

TEST(YamlDump, ComesBackAsItWas) {
  for (const std::string text : kTexts) {
    json::Object object;
    object["key"] = text;
    object[text] = json::Array{text, json::Object{{"k", text}}, json::Array{text}};
    const json::Value value = object;
    const auto again = Parse(yaml::Dump(value));
    ASSERT_TRUE(again.ok()) << json::Quote(text) << "\n" << yaml::Dump(value) << again.error().message;
    EXPECT_EQ(json::Dump(*again), json::Dump(value)) << yaml::Dump(value);
    const auto alone = ParseAll(yaml::Dump(json::Value(text)));
    ASSERT_TRUE(alone.ok()) << json::Quote(text);
    ASSERT_EQ(alone->size(), 1U) << json::Quote(text);
    EXPECT_EQ(alone->front().value, json::Value(text));
  }
}

TEST(YamlDump, LongKeysComeBack) {
  const std::string key(2000, 'k');
  const json::Value value = json::Object{
      {key, json::Object{{key, json::Array{json::Object{{key, 1}, {"z", json::Array{}}}}}}}, {"z", "text"}};
  const auto again = Parse(yaml::Dump(value));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, value);
}

}  // namespace
}  // namespace asya::yaml
