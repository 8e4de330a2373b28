#include "model/warnings.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::model {
namespace {

std::size_t Count(const char* spec) { return WarningsOf(*json::Parse(spec)).size(); }

TEST(Warnings, TellWhatIsAskedForInVain) {
  EXPECT_EQ(Count(R"({"tracing":{"endpoint":"http://o","protocol":"grpc"}})"), 1U);
  EXPECT_EQ(Count(R"({"tracing":{"endpoint":"http://o","protocol":"http"}})"), 0U);
  EXPECT_EQ(Count(R"({"tracing":{"endpoint":"http://o"}})"), 0U);
  EXPECT_EQ(Count(R"({"tracing":"grpc"})"), 0U);
  EXPECT_EQ(Count(R"({"stateProxy":[{"name":"s"}]})"), 1U);
  EXPECT_EQ(Count(R"({"stateProxy":[]})"), 0U);
  EXPECT_EQ(Count("{}"), 0U);
}

TEST(Warnings, TellOfATriggerThatKedaDoesNotKnow) {
  const auto warnings = WarningsOf(*json::Parse(R"({"tracing":{"protocol":"grpc"},"scaling":{"additionalTriggers":[
      {"type":"cron","metadata":{}},{"type":"corn","metadata":{}},{"metadata":{}},3,{"type":"elastic-forecast"},
      {"type":"activemq"},{"type":"aws-kinesis-stream"},{"type":"temporal"}]}})"));
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_EQ(warnings[1],
            "spec.scaling.additionalTriggers[1].type: KEDA 2.20 knows no trigger \"corn\"; where a newer one does not "
            "either, it scales by none of the actor's triggers");
  EXPECT_EQ(Count(R"({"scaling":{"additionalTriggers":"corn"}})"), 0U);
  EXPECT_EQ(Count(R"({"scaling":[]})"), 0U);
}

}  // namespace
}  // namespace asya::model
