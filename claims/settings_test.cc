#include "claims/settings.h"

#include <gtest/gtest.h>

#include <map>

namespace asya::claims {
namespace {

StoreSettings Read(const std::map<std::string, std::string>& variables, std::vector<std::string>& problems) {
  return ReadStoreSettings(
      [&](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
      },
      problems);
}

TEST(StoreSettings, AStoreIsTheAbsolutePathOfAFolder) {
  std::vector<std::string> problems;
  EXPECT_TRUE(Read({}, problems).none());
  EXPECT_EQ(Read({}, problems).threshold_bytes, kMostThresholdBytes);
  const auto folder =
      Read({{"ASYA_CLAIM_STORE", "file:///shared/claims"}, {"ASYA_CLAIM_THRESHOLD_BYTES", "65536"}}, problems);
  EXPECT_EQ(folder.folder, "/shared/claims");
  EXPECT_EQ(folder.threshold_bytes, 65536U);
  EXPECT_EQ(problems, std::vector<std::string>());
}

TEST(StoreSettings, EveryMistakeIsSaid) {
  std::vector<std::string> problems;
  Read({{"ASYA_CLAIM_STORE", "claims"}, {"ASYA_CLAIM_THRESHOLD_BYTES", "1"}}, problems);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].find("ASYA_CLAIM_STORE: got \"claims\""), 0U) << problems[0];
  EXPECT_EQ(problems[1].find("ASYA_CLAIM_THRESHOLD_BYTES: got \"1\""), 0U) << problems[1];
}

}  // namespace
}  // namespace asya::claims
