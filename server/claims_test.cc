#include "server/claims.h"

#include <gtest/gtest.h>

namespace asya::server {
namespace {

TEST(ClaimOptions, ALaptopHasAStoreWithoutBeingTold) {
  const auto options = ReadClaimOptions("/p/.asya/local", {{"ASYA_CLAIM_STORE", ""}});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->store.folder, "/p/.asya/local/claims");
  EXPECT_EQ(options->relay_environment.at("ASYA_CLAIM_STORE"), "/p/.asya/local/claims");
  EXPECT_EQ(options->grace, std::chrono::minutes(10));
  observe::Metrics metrics;
  EXPECT_NE(*OpenClaimStore(*options, metrics), nullptr);
}

TEST(ClaimOptions, TheEnvironmentOfTheServerCountsForTheRelaysToo) {
  const auto options = ReadClaimOptions("/s", {{"ASYA_CLAIM_STORE", "file:///shared"},
                                               {"ASYA_CLAIM_THRESHOLD_BYTES", "65536"},
                                               {"ASYA_CLAIM_GRACE", "90s"},
                                               {"ASYA_CLAIM_EXPIRY", "2000h"}});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->store.folder, "/shared");
  EXPECT_EQ(options->store.threshold_bytes, 65536U);
  EXPECT_EQ(options->relay_environment.at("ASYA_CLAIM_THRESHOLD_BYTES"), "65536");
  EXPECT_EQ(options->relay_environment.count("ASYA_CLAIM_GRACE"), 0U);
  EXPECT_EQ(options->grace, std::chrono::seconds(90));
  EXPECT_EQ(options->expiry, std::chrono::hours(2000));
}

TEST(ClaimOptions, OfABucketRelaysAreToldThePlaceAndHaveTheIdentity) {
  const auto options = ReadClaimOptions("/s", {{"ASYA_CLAIM_STORE", "s3://bucket/p"},
                                               {"AWS_REGION", "eu-west-1"},
                                               {"ASYA_CLAIM_S3_ENDPOINT", "https://minio:9000"},
                                               {"AWS_SECRET_ACCESS_KEY", "hush"}});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->relay_environment,
            (std::map<std::string, std::string>{{"ASYA_CLAIM_STORE", "s3://bucket/p"},
                                                {"ASYA_CLAIM_S3_ENDPOINT", "https://minio:9000"},
                                                {"ASYA_CLAIM_S3_REGION", "eu-west-1"}}));
  EXPECT_EQ(options->credentials.at("AWS_SECRET_ACCESS_KEY"), "hush");
  observe::Metrics metrics;
  EXPECT_NE(*OpenClaimStore(*options, metrics), nullptr);
}

TEST(ClaimOptions, NoneIsNone) {
  const auto options = ReadClaimOptions("/s", {{"ASYA_CLAIM_STORE", "none"}});
  ASSERT_TRUE(options.ok());
  EXPECT_TRUE(options->relay_environment.empty());
  observe::Metrics metrics;
  EXPECT_EQ(*OpenClaimStore(*options, metrics), nullptr);
}

TEST(ClaimOptions, AllMistakesAreSaidAtOnce) {
  const auto options = ReadClaimOptions("/s", {{"ASYA_CLAIM_STORE", "claims"},
                                               {"ASYA_CLAIM_THRESHOLD_BYTES", "x"},
                                               {"ASYA_CLAIM_GRACE", "soon"},
                                               {"ASYA_CLAIM_EXPIRY", "1m"}});
  ASSERT_FALSE(options.ok());
  for (const char* name : {"ASYA_CLAIM_STORE: got \"claims\"", "ASYA_CLAIM_THRESHOLD_BYTES: got \"x\"",
                           "ASYA_CLAIM_GRACE: got \"soon\"", "ASYA_CLAIM_EXPIRY: got \"1m\""}) {
    EXPECT_NE(options.error().message.find(name), std::string::npos) << options.error().message;
  }
}

}  // namespace
}  // namespace asya::server
