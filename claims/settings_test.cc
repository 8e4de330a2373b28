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

TEST(StoreSettings, OrABucket) {
  std::vector<std::string> problems;
  auto settings = Read({{"ASYA_CLAIM_STORE", "s3://my.bucket/of/asya/"},
                        {"AWS_REGION", "eu-west-1"},
                        {"ASYA_CLAIM_S3_ENDPOINT", "https://minio:9000"}},
                       problems);
  EXPECT_EQ(problems, std::vector<std::string>());
  EXPECT_TRUE(settings.is_s3());
  EXPECT_EQ(settings.s3.bucket, "my.bucket");
  EXPECT_EQ(settings.s3.prefix, "of/asya/");
  EXPECT_EQ(settings.s3.region, "eu-west-1");
  EXPECT_EQ(settings.s3.endpoint, "https://minio:9000");
  settings = Read({{"ASYA_CLAIM_STORE", "s3://bucket"}, {"ASYA_CLAIM_S3_REGION", "x"}, {"AWS_REGION", "y"}}, problems);
  EXPECT_EQ(settings.s3.prefix, "");
  EXPECT_EQ(settings.s3.region, "x");
  EXPECT_TRUE(problems.empty());
  for (const char* odd : {"s3://", "s3://ab", "s3://Bucket", "s3://bucket//a", "s3://bucket/../a", "s3://bucket/a b"}) {
    EXPECT_TRUE(Read({{"ASYA_CLAIM_STORE", odd}}, problems).none()) << odd;
  }
  EXPECT_EQ(problems.size(), 6U);
  problems.clear();
  Read({{"ASYA_CLAIM_STORE", "s3://bucket"}, {"ASYA_CLAIM_S3_ENDPOINT", "https://user:hush@host"}}, problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].find("hush"), std::string::npos);
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
