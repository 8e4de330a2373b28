#include "relay/handler_metrics.h"

#include <gtest/gtest.h>

namespace asya::relay {
namespace {

std::vector<MetricDeclaration> Declare() {
  std::vector<Error> problems;
  auto declared = ParseMetricDeclarations(
      R"([{"name":"tokens_total","type":"counter","labels":["model"]},{"name":"load","type":"gauge"},)"
      R"({"name":"size","type":"histogram","buckets":[1,10]}])",
      problems);
  EXPECT_TRUE(problems.empty());
  return declared;
}

TEST(HandlerMetrics, DeclaredMetricsAppearUnderThePrefix) {
  observe::Metrics metrics;
  HandlerMetrics handler(metrics, "asya_actor", Declare());
  EXPECT_TRUE(handler.Report(R"({"name":"tokens_total","type":"counter","value":3,"labels":{"model":"a"}})").ok());
  EXPECT_TRUE(handler.Report(R"({"name":"tokens_total","value":4,"labels":{"model":"a","other":"dropped"}})").ok());
  EXPECT_TRUE(handler.Report(R"({"name":"load","value":-2.5})").ok());
  EXPECT_TRUE(handler.Report(R"({"name":"size","value":5})").ok());
  const std::string text = metrics.Text();
  EXPECT_NE(text.find("asya_actor_tokens_total{model=\"a\"} 7"), std::string::npos) << text;
  EXPECT_NE(text.find("asya_actor_load -2.5"), std::string::npos) << text;
  EXPECT_NE(text.find("asya_actor_size_bucket{le=\"10\"} 1"), std::string::npos) << text;
}

TEST(HandlerMetrics, WhatIsNotDeclaredOrNoNumberIsRefused) {
  observe::Metrics metrics;
  HandlerMetrics handler(metrics, "asya_actor", Declare());
  for (const char* report : {"", "[]", R"({"name":"unknown","value":1})", R"({"name":"load"})",
                             R"({"name":"load","value":"1"})", R"({"name":"tokens_total","value":-1})"}) {
    EXPECT_FALSE(handler.Report(report).ok()) << report;
  }
}

TEST(HandlerMetrics, LabelValuesAreBounded) {
  observe::Metrics metrics;
  HandlerMetrics handler(metrics, "asya_actor", Declare());
  for (std::size_t i = 0; i < HandlerMetrics::kSeriesLimit + 50; ++i) {
    EXPECT_TRUE(
        handler.Report(R"({"name":"tokens_total","value":1,"labels":{"model":"m)" + std::to_string(i) + "\"}}").ok());
  }
  EXPECT_NE(metrics.Text().find("asya_actor_tokens_total{model=\"other\"} 50"), std::string::npos);
}

}  // namespace
}  // namespace asya::relay
