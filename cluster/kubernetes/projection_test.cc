#include "cluster/kubernetes/projection.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::cluster::kubernetes {
namespace {

std::string Part(const char* whole, const char* shape) {
  return json::Dump(Projected(json::Parse(whole).value(), json::Parse(shape).value()));
}

TEST(Projection, HasTheShapeOfOneAndTheValuesOfTheOther) {
  EXPECT_EQ(Part(R"({"a":1,"b":{"c":2,"d":3},"e":4})", R"({"a":9,"b":{"c":9}})"), R"({"a":1,"b":{"c":2}})");
  EXPECT_EQ(Part(R"({"a":1})", R"({"a":1,"missing":2})"), R"({"a":1})");
  EXPECT_EQ(Part(R"([{"name":"x","added":1},{"name":"injected"}])", R"([{"name":"x"}])"), R"([{"name":"x"}])");
  EXPECT_EQ(Part(R"([])", R"([{"name":"x"}])"), R"([])");
  EXPECT_EQ(Part(R"({"a":"1"})", R"({"a":{"b":1}})"), R"({"a":"1"})");
  EXPECT_EQ(Part(R"({"cpu":"1"})", R"({"cpu":"1000m"})"), R"({"cpu":"1"})");
}

TEST(Projection, LongTextsAreTheirDigests) {
  const std::string file(kTextBytesMax + 1, 'x');
  const json::Value shortened = Shortened(json::Object{{"a", json::Array{file, "y"}}});
  const std::string text = json::Dump(shortened);
  EXPECT_LT(text.size(), 100U);
  EXPECT_EQ(text.find(R"({"a":["sha256:)"), 0U);
  EXPECT_NE(text, json::Dump(Shortened(json::Object{{"a", json::Array{file + "x", "y"}}})));
}

}  // namespace
}  // namespace asya::cluster::kubernetes
