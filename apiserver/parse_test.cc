#include <gtest/gtest.h>

#include "apiserver/continue_token.h"
#include "apiserver/negotiate.h"
#include "apiserver/request_info.h"
#include "apiserver/selector.h"

namespace asya::apiserver {
namespace {

std::string Described(const char* method, const char* path, bool watch = false) {
  const auto info = ParseRequestInfo(method, path, watch);
  if (!info) return "none";
  return info->verb + " " + info->group + "/" + info->version + " " + info->namespace_ + " " + info->resource + " " +
         info->name + " " + info->subresource;
}

TEST(RequestInfo, ReadsPathsAsKubernetesDoes) {
  EXPECT_EQ(Described("GET", "/apis/g/v/namespaces/n/p"), "list g/v n p  ");
  EXPECT_EQ(Described("GET", "/apis/g/v/namespaces/n/p", true), "watch g/v n p  ");
  EXPECT_EQ(Described("GET", "/apis/g/v/namespaces/n/p/x"), "get g/v n p x ");
  EXPECT_EQ(Described("PATCH", "/apis/g/v/namespaces/n/p/x/status"), "patch g/v n p x status");
  EXPECT_EQ(Described("GET", "/apis/g/v/p"), "list g/v  p  ");
  EXPECT_EQ(Described("DELETE", "/apis/g/v/p"), "deletecollection g/v  p  ");
  EXPECT_EQ(Described("DELETE", "/apis/g/v/p/x"), "delete g/v  p x ");
  EXPECT_EQ(Described("GET", "/api/v1/namespaces"), "list /v1  namespaces  ");
  EXPECT_EQ(Described("PUT", "/api/v1/namespaces/n"), "update /v1  namespaces n ");
  EXPECT_EQ(Described("PUT", "/api/v1/namespaces/n/finalize"), "update /v1  namespaces n finalize");
  EXPECT_EQ(Described("GET", "/api/v1/namespaces/n/events"), "list /v1 n events  ");
  EXPECT_EQ(Described("GET", "/apis/g/v/p/a%2Fb"), "get g/v  p a/b ");
  EXPECT_EQ(Described("TRACE", "/apis/g/v/p"), " g/v  p  ");
  EXPECT_EQ(Described("GET", "/apis/g/v/p/"), "list g/v  p  ");
  for (const char* path :
       {"", "/", "/other", "/apis/g/v/a/b/c/d", "/apis//v", "/apis/g/v/%zz", "/api/v1/p/%00", "apis"}) {
    EXPECT_EQ(Described("GET", path), "none") << path;
  }
}

std::string LabelsOf(const char* text) {
  ports::Selector selector;
  const Status parsed = ParseLabelSelector(text, selector);
  if (!parsed.ok()) return "error";
  std::string out;
  for (const ports::LabelRequirement& requirement : selector.labels) {
    constexpr const char* kNames[] = {"in", "notin", "exists", "absent", "above", "below"};
    out += requirement.key + ":" + kNames[static_cast<int>(requirement.op)];
    for (const std::string& value : requirement.values) out += "," + value;
    out += ";";
  }
  return out;
}

TEST(LabelSelector, TakesTheWholeGrammar) {
  EXPECT_EQ(LabelsOf(""), "");
  EXPECT_EQ(LabelsOf("a=b"), "a:in,b;");
  EXPECT_EQ(LabelsOf("a==b, c != d"), "a:in,b;c:notin,d;");
  EXPECT_EQ(LabelsOf("a in (b, c),d notin (e)"), "a:in,b,c;d:notin,e;");
  EXPECT_EQ(LabelsOf("x.io/a,!b, ! c"), "x.io/a:exists;b:absent;c:absent;");
  EXPECT_EQ(LabelsOf("a="), "a:in,;");
  EXPECT_EQ(LabelsOf("a=,b"), "a:in,;b:exists;");
  EXPECT_EQ(LabelsOf("in in (in)"), "in:in,in;");
  EXPECT_EQ(LabelsOf("a>1,b < 20,c"), "a:above,1;b:below,20;c:exists;");
  for (const char* bad :
       {"=", "a=b=c", "a in", "a in b", "a in (b", "a b", ",a",  "a,",    "!",    "a!",   "a=b c",
        "(", "a=(b)", "!a=b", "a$=b",   "a=\x01",  "a>",  "a>x", "a>1.5", "a>=1", "!a>1", "a<99999999999999999999"}) {
    EXPECT_EQ(LabelsOf(bad), "error") << bad;
  }
}

TEST(LabelSelector, ComparesIntegers) {
  const auto matches = [](const char* text, const ports::Labels& labels) {
    ports::Selector selector;
    EXPECT_TRUE(ParseLabelSelector(text, selector).ok()) << text;
    ports::Record record;
    record.labels = labels;
    return selector.Matches(record);
  };
  EXPECT_TRUE(matches("a>9", {{"a", "10"}}));
  EXPECT_FALSE(matches("a>10", {{"a", "10"}}));
  EXPECT_TRUE(matches("a<10", {{"a", "9"}}));
  EXPECT_FALSE(matches("a<10", {{"a", "10"}}));
  for (const char* text : {"a>1", "a<1"}) {
    EXPECT_FALSE(matches(text, {})) << text;
    EXPECT_FALSE(matches(text, {{"a", "x"}})) << text;
    EXPECT_FALSE(matches(text, {{"a", ""}})) << text;
  }
}

TEST(ContinueToken, ComesBackAsItWas) {
  const std::string text = EncodeContinueToken({42, "ns", "name.x"});
  EXPECT_EQ(text.find_first_of("+/="), std::string::npos);
  const auto token = DecodeContinueToken(text).value();
  EXPECT_EQ(token.revision, 42);
  EXPECT_EQ(token.namespace_, "ns");
  EXPECT_EQ(token.name, "name.x");
  EXPECT_EQ(DecodeContinueToken(EncodeContinueToken({-1, "", "n"}))->revision, -1);
  for (const char* bad : {"", "!", "e30", "AAAA", "eyJ2IjoieCJ9"}) EXPECT_FALSE(DecodeContinueToken(bad).ok()) << bad;
  EXPECT_FALSE(DecodeContinueToken(EncodeContinueToken({0, "", "n"})).ok());
}

TEST(Negotiate, TakesTheFirstFormThatCanBeServed) {
  EXPECT_EQ(NegotiateObject("")->shape, Shape::kObject);
  EXPECT_EQ(NegotiateObject("*/*")->shape, Shape::kObject);
  EXPECT_EQ(NegotiateObject("application/json;as=Table;v=v1beta1;g=meta.k8s.io")->version, "v1beta1");
  EXPECT_EQ(NegotiateObject("application/json;as=Table;v=v9;g=meta.k8s.io, application/json")->shape, Shape::kObject);
  EXPECT_EQ(NegotiateObject("text/html"), std::nullopt);
  EXPECT_EQ(NegotiateObject("application/json;as=Chair;g=meta.k8s.io;v=v1"), std::nullopt);
}

}  // namespace
}  // namespace asya::apiserver
