// The store in a bucket on the conformance suite, against moto (tools/moto run), and what only a network can do.
#include "claims/s3/store.h"

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <cstdlib>
#include <future>

#include "claims/conformance/claim_store_suite.h"
#include "core/base/sha256.h"
#include "core/base/unique_fd.h"
#include "tests/support/moto_region.h"
#include "tests/support/unix_server.h"

namespace asya::claims {
namespace {

constexpr std::chrono::milliseconds kTimeout{60'000};

// A bucket of its own; its region is one of its own too, so that it can be made to fail alone.
class Bucket {
 public:
  Bucket() { region_.MakeBucket(region_.name()); }
  [[nodiscard]] s3::Settings settings(bool tls = false) const {
    const auto service = region_.service(tls);
    s3::Settings settings;
    settings.bucket = region_.name();
    settings.prefix = "of/asya/";
    settings.region = region_.name();
    settings.endpoint = service.endpoint;
    settings.ca_pem = service.ca_pem;
    settings.credentials = service.credentials;
    return settings;
  }
  [[nodiscard]] const tests::MotoRegion& region() const { return region_; }

 private:
  const tests::MotoRegion region_;
};

class S3Harness final : public conformance::ClaimStoreHarness {
 public:
  ports::ClaimStore& store() override { return store_; }
  void Damage(const ports::ClaimKey& key, const std::string& bytes) override {
    bucket_.region().PutObject(bucket_.settings().bucket, "of/asya/" + key.root + "/" + key.sha256, bytes);
  }

 private:
  const Bucket bucket_;
  observe::Metrics metrics_;
  s3::Store store_{bucket_.settings(), RealClock(), metrics_, "test"};
};

class S3Store : public testing::Test {
 protected:
  void SetUp() override {
    if (!tests::MotoRegion::IsThere()) GTEST_SKIP() << "needs tools/moto run";
    bucket_.emplace();
  }
  std::optional<Bucket> bucket_;
  observe::Metrics metrics_;
};

TEST_F(S3Store, OverTlsWithACertificateOfOurOwn) {
  s3::Store store(bucket_->settings(true), RealClock(), metrics_, "test");
  const ports::ClaimKey key{"a", Sha256Hex("1")};
  ASSERT_TRUE(store.Put(key, "1", kTimeout).ok());
  EXPECT_EQ(*store.Get(key, 9, kTimeout), "1");
}

TEST_F(S3Store, AServiceThatIsAwayForAWhileIsAskedAgain) {
  s3::Store store(bucket_->settings(), RealClock(), metrics_, "test");
  // Long enough for a first call to find it away, and shorter than a call is made again for.
  bucket_->region().GoDown(3);
  EXPECT_TRUE(store.SetMark("a", "x", kTimeout).ok());
  EXPECT_NE(metrics_.Text().find("test_s3_retries_total{operation=\"PutObject\"}"), std::string::npos);
  EXPECT_NE(metrics_.Text().find("test_s3_calls_total{operation=\"PutObject\",outcome=\"ok\"} 1"), std::string::npos)
      << metrics_.Text();
}

TEST_F(S3Store, ACallEndsWithinItsTime) {
  s3::Store store(bucket_->settings(), RealClock(), metrics_, "test");
  bucket_->region().GoDown(60);
  const auto began = RealClock().Steady();
  const Status set = store.SetMark("a", "x", std::chrono::milliseconds(300));
  ASSERT_FALSE(set.ok());
  EXPECT_TRUE(set.error().code == ErrorCode::kUnavailable || set.error().code == ErrorCode::kTimeout);
  EXPECT_LT(RealClock().Steady() - began, std::chrono::seconds(30));
}

// With no more than the machine's own backlog: connections are made, and nothing ever answers.
TEST(S3StoreThatIsAway, ACallThatRunsEndsWithTheProcess) {
  const tests::BoundPort silent = tests::BindLoopback();
  const UniqueFd listener(silent.descriptor);
  ASSERT_EQ(::listen(listener.get(), 8), 0);
  s3::Settings settings;
  settings.bucket = "b";
  settings.endpoint = "http://127.0.0.1:" + silent.port;
  settings.credentials.keys.access_key_id = "id";
  settings.credentials.keys.secret_access_key = "secret";
  observe::Metrics metrics;
  s3::Store store(settings, RealClock(), metrics, "test");
  auto running = std::async(std::launch::async, [&] { return store.SetMark("a", "x", std::chrono::hours(1)); });
  // The call has begun: its connection is there.
  const UniqueFd peer(::accept(listener.get(), nullptr, nullptr));
  store.EndBy(RealClock().Steady());
  ASSERT_EQ(running.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_FALSE(running.get().ok());
  EXPECT_EQ(store.SetMark("a", "x", std::chrono::hours(1)).error().code, ErrorCode::kTimeout);
}

TEST_F(S3Store, WrongKeysAreRefusedOnceAndNeverShown) {
  auto settings = bucket_->settings();
  settings.credentials.keys.secret_access_key = "hush";
  s3::Store store(settings, RealClock(), metrics_, "test");
  const Status set = store.SetMark("a", "x", kTimeout);
  ASSERT_FALSE(set.ok());
  EXPECT_EQ(set.error().code, ErrorCode::kUnauthorized);
  EXPECT_NE(set.error().message.find("SignatureDoesNotMatch"), std::string::npos) << set.error().message;
  EXPECT_EQ(set.error().message.find("hush"), std::string::npos);
  EXPECT_EQ(bucket_->region().CallCounts().GetInt("PutObject"), 1);
}

TEST_F(S3Store, ABucketThatIsNotThereIsSaid) {
  auto settings = bucket_->settings();
  settings.bucket = "nobody-made-this";
  s3::Store store(settings, RealClock(), metrics_, "test");
  const ports::ClaimKey key{"a", Sha256Hex("1")};
  const auto put = store.Put(key, "1", kTimeout);
  ASSERT_FALSE(put.ok());
  EXPECT_NE(put.error().message.find("nobody-made-this"), std::string::npos) << put.error().message;
  EXPECT_EQ(store.List("", 10, kTimeout).error().code, ErrorCode::kUnavailable);
}

TEST_F(S3Store, WhatOthersHaveInTheBucketIsLetBe) {
  s3::Store store(bucket_->settings(), RealClock(), metrics_, "test");
  for (const char* key : {"of/asya/loose", "of/asya/a/b/c", "of/other/a/1", "zero"}) {
    bucket_->region().PutObject(bucket_->settings().bucket, key, "theirs");
  }
  ASSERT_TRUE(store.SetMark("a", "x", kTimeout).ok());
  const auto folders = store.List("", 10, kTimeout);
  ASSERT_TRUE(folders.ok());
  ASSERT_EQ(folders->size(), 1U);
  EXPECT_EQ(folders->front().names, std::vector<std::string>{"x"});
}

}  // namespace

namespace conformance {

INSTANTIATE_TEST_SUITE_P(S3, ClaimStoreSuite,
                         ::testing::Values(ClaimStoreImplementation{"s3",
                                                                    []() -> std::unique_ptr<ClaimStoreHarness> {
                                                                      if (!tests::MotoRegion::IsThere()) return nullptr;
                                                                      return std::make_unique<S3Harness>();
                                                                    }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace conformance
}  // namespace asya::claims
