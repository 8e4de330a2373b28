#include <gtest/gtest.h>

#include <string>

#include "core/observe/log.h"
#include "core/observe/metrics.h"

namespace asya::observe {
namespace {

std::string Captured(const Logger& logger, Level level, std::string_view message, std::initializer_list<Field> fields) {
  testing::internal::CaptureStderr();
  logger.Log(level, message, fields);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, WritesOneJsonLineWithEveryField) {
  const Logger logger = Logger::ToStderr("relay", Level::kInfo);
  const std::string line = Captured(logger, Level::kWarning, "queue \"a\" is away",
                                    {{"attempt", 3}, {"delay_ms", 1.5}, {"last", true}, {"error", "line\nbreak"}});
  EXPECT_NE(line.find(R"("level":"WARNING","msg":"queue \"a\" is away","component":"relay","attempt":3,)"
                      R"("delay_ms":1.5,"last":true,"error":"line\nbreak"})"),
            std::string::npos)
      << line;
  EXPECT_EQ(line.find(R"({"ts":"20)"), 0U) << line;
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(Log, BracesInAMessageAreNoFormat) {
  const Logger logger = Logger::ToStderr("x", Level::kDebug);
  EXPECT_NE(Captured(logger, Level::kDebug, "{} {0} %v", {}).find("{} {0} %v"), std::string::npos);
}

TEST(Log, DropsWhatIsBelowItsLevel) {
  const Logger logger = Logger::ToStderr("x", Level::kWarning).For("y");
  EXPECT_EQ(Captured(logger, Level::kInfo, "small talk", {}), "");
  EXPECT_NE(Captured(logger, Level::kError, "bad", {}).find(R"("component":"y")"), std::string::npos);
  EXPECT_EQ(Captured(Logger::Silent(), Level::kError, "bad", {}), "");
}

TEST(Metrics, SeriesExistAtZeroAndAreSharedByNameAndLabels) {
  Metrics metrics;
  const Counter first = metrics.MakeCounter("asya_things_total", "Things.", {{"kind", "a"}});
  EXPECT_NE(metrics.Text().find("asya_things_total{kind=\"a\"} 0"), std::string::npos) << metrics.Text();
  const Counter again = metrics.MakeCounter("asya_things_total", "Things.", {{"kind", "a"}});
  first.Add();
  again.Add(2);
  EXPECT_NE(metrics.Text().find("asya_things_total{kind=\"a\"} 3"), std::string::npos) << metrics.Text();
}

TEST(Metrics, GaugesAndHistograms) {
  Metrics metrics;
  const Gauge gauge = metrics.MakeGauge("asya_open", "Open.");
  gauge.Set(5);
  gauge.Add(-2);
  const Histogram histogram = metrics.MakeHistogram("asya_wait_seconds", "Wait.", {0.1, 1}, {{"of", "b"}});
  for (const double seconds : {0.5, 1.0, 2.0}) histogram.Observe(seconds);
  EXPECT_EQ(metrics.Text(), R"(# HELP asya_open Open.
# TYPE asya_open gauge
asya_open 3
# HELP asya_wait_seconds Wait.
# TYPE asya_wait_seconds histogram
asya_wait_seconds_count{of="b"} 3
asya_wait_seconds_sum{of="b"} 3.5
asya_wait_seconds_bucket{of="b",le="0.1"} 0
asya_wait_seconds_bucket{of="b",le="1"} 2
asya_wait_seconds_bucket{of="b",le="+Inf"} 3
)");
}

}  // namespace
}  // namespace asya::observe
