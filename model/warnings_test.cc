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
  EXPECT_EQ(Count("{}"), 0U);
}

}  // namespace
}  // namespace asya::model
