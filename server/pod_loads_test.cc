#include "server/pod_loads.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace asya::server {
namespace {

class PodLoadsTest : public testing::Test {
 protected:
  Result<bool> Write(const std::string& namespace_, const std::string& pod, std::int64_t in_flight) {
    calls_.push_back(namespace_ + "/" + pod + " " + std::to_string(in_flight));
    if (pod == failing_) return Fail(code_, "no");
    return pod != "known";
  }

  std::vector<std::string> calls_;
  std::string failing_;
  ErrorCode code_ = ErrorCode::kForbidden;
  observe::Metrics metrics_;
  PodLoads loads_{[this](const auto& namespace_, const auto& pod, auto count) { return Write(namespace_, pod, count); },
                  observe::Logger::Silent(), metrics_};
};

TEST_F(PodLoadsTest, WritesTheLastWordOfEachPodOneByOne) {
  loads_.Take("team", "a", 1);
  loads_.Take("team", "b", 2);
  loads_.Take("team", "a", 0);
  EXPECT_EQ(loads_.WriteNext().least, PodLoads::kWriteGap);
  EXPECT_EQ(calls_, std::vector<std::string>{"team/a 0"});
  loads_.WriteNext();
  loads_.WriteNext();
  EXPECT_EQ(calls_, (std::vector<std::string>{"team/a 0", "team/b 2"}));
  EXPECT_NE(metrics_.Text().find("asya_pod_loads_total{result=\"written\"} 2"), std::string::npos) << metrics_.Text();
}

TEST_F(PodLoadsTest, WhatNeedsNoWriteCostsNoPause) {
  loads_.Take("team", "known", 1);
  loads_.Take("team", "b", 1);
  loads_.WriteNext();
  EXPECT_EQ(calls_.size(), 2U);
}

TEST_F(PodLoadsTest, WhatFailsComesBehindTheOthersAndNotForEver) {
  failing_ = "a";
  loads_.Take("team", "a", 1);
  loads_.Take("team", "b", 1);
  loads_.WriteNext();
  loads_.WriteNext();
  EXPECT_EQ(calls_, (std::vector<std::string>{"team/a 1", "team/b 1"}));
  for (int i = 0; i < 2 * PodLoads::kTriesMax; ++i) loads_.WriteNext();
  EXPECT_EQ(calls_.size(), 1U + PodLoads::kTriesMax);
  EXPECT_NE(metrics_.Text().find("asya_pod_loads_total{result=\"dropped\"} 1"), std::string::npos) << metrics_.Text();
}

TEST_F(PodLoadsTest, AClusterThatIsAwayIsLeftAlone) {
  failing_ = "a";
  code_ = ErrorCode::kUnavailable;
  loads_.Take("team", "a", 1);
  EXPECT_EQ(loads_.WriteNext().least, PodLoads::kAwayPause);
}

TEST_F(PodLoadsTest, MoreThanItsBoundIsLeftOut) {
  for (std::size_t i = 0; i <= PodLoads::kPodsMax; ++i) loads_.Take("team", "p" + std::to_string(i), 1);
  EXPECT_NE(metrics_.Text().find("asya_pod_loads_total{result=\"dropped\"} 1"), std::string::npos);
  loads_.Take("team", "p0", 0);
  loads_.WriteNext();
  EXPECT_EQ(calls_, std::vector<std::string>{"team/p0 0"});
}

}  // namespace
}  // namespace asya::server
