#include "relay/handler_metrics.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/fake_runtime.h"
#include "tests/support/relay_harness.h"

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

TEST(HandlerMetrics, WhatIsReportedAsAnotherTypeThanDeclaredIsRefused) {
  observe::Metrics metrics;
  HandlerMetrics handler(metrics, "asya_actor", Declare());
  const Status refused = handler.Report(R"({"name":"tokens_total","type":"gauge","value":3})");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().field, "type");
  EXPECT_EQ(refused.error().message, R"(got "gauge"; tokens_total is declared as a counter)");
  EXPECT_EQ(metrics.Text().find("asya_actor_tokens_total"), std::string::npos);
  EXPECT_TRUE(handler.Report(R"({"name":"tokens_total","type":null,"value":3})").ok());
}

std::vector<Error> ProblemsOf(const std::string& text) {
  std::vector<Error> problems;
  (void)ParseMetricDeclarations(text, problems);
  return problems;
}

TEST(HandlerMetrics, DeclarationsThatCannotBeKeptAreRefused) {
  for (const char* text :
       {R"([{"name":"messages_sent_total","type":"gauge"}])", R"([{"name":"claims_read_total","type":"counter"}])",
        R"([{"name":"a","type":"counter","labels":["__name__"]}])",
        R"([{"name":"a","type":"histogram","labels":["le"]}])", R"([{"name":"a","type":"counter","labels":["b","b"]}])",
        R"([{"name":"a","type":"counter","labels":"model"}])", R"([{"name":"a","type":"histogram","buckets":5}])",
        R"([{"name":"a","type":"histogram","buckets":[1,"2"]}])",
        R"([{"name":"a","type":"histogram","buckets":[1,1]}])", R"([{"name":"claim_held_bytes","type":"gauge"}])",
        R"([{"name":"a","type":"counter"},{"name":"a","type":"gauge"}])", R"(["a"])", R"([{"name":"a"}])"}) {
    EXPECT_EQ(ProblemsOf(text).size(), 1U) << text;
  }
  EXPECT_NE(ProblemsOf(R"([{"name":"a b","type":"counter"}])").at(0).message.find("\"a b\""), std::string::npos);
  EXPECT_TRUE(ProblemsOf(R"([{"name":"a","type":"counter","labels":["le"],"help":"h"}])").empty());
  EXPECT_TRUE(ProblemsOf(R"([{"name":"claims_paid_total","type":"counter","unit":"s"}])").empty());
}

TEST(HandlerMetrics, NoNameOfTheRelayItselfCanBeDeclared) {
  tests::RelayHarness harness;
  tests::FakeRuntime runtime(harness.folder(), [](tests::FakeRuntime::Call& call) { call.Return("1"); });
  harness.Start();
  harness.Send(harness.Make("e1", {"post"}));
  ASSERT_TRUE(harness.Take("post").has_value());
  std::istringstream lines(harness.Get("/metrics"));
  const std::string opening = "# TYPE asya_actor_";
  int seen = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(opening, 0) != 0) continue;
    const std::string name = line.substr(opening.size(), line.find(' ', opening.size()) - opening.size());
    EXPECT_EQ(ProblemsOf(R"([{"name":")" + name + R"(","type":"gauge"}])").size(), 1U) << name;
    ++seen;
  }
  EXPECT_GT(seen, 10);
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
