#include "claims/conformance/claim_store_suite.h"

#include <gmock/gmock.h>

#include <thread>
#include <vector>

#include "core/base/sha256.h"

namespace asya::claims::conformance {
namespace {

using ports::ClaimKey;
constexpr std::chrono::milliseconds kTimeout{20'000};
constexpr std::size_t kLargeBytes = 5U << 20U;

std::vector<std::string> NamesOf(const Result<std::vector<ports::ClaimFolder>>& folders) {
  std::vector<std::string> names;
  for (const ports::ClaimFolder& folder : *folders) names.push_back(folder.name);
  return names;
}

}  // namespace

ClaimKey ClaimStoreSuite::MustPut(const std::string& envelope, const std::string& payload) {
  const ClaimKey key{envelope, Sha256Hex(payload)};
  const auto put = store().Put(key, payload, kTimeout);
  EXPECT_TRUE(put.ok()) << (put.ok() ? "" : put.error().message);
  return key;
}

TEST_P(ClaimStoreSuite, GivesBackWhatWasPut) {
  std::string large(kLargeBytes, 'x');
  large[1] = '\0';
  for (const std::string& payload : {std::string("{}"), std::string(), large}) {
    const ClaimKey key = MustPut("e1", payload);
    const auto read = ports::ReadClaim(store(), key, payload.size(), kTimeout);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_TRUE(*read == payload);
  }
}

TEST_P(ClaimStoreSuite, DoesNotWriteTheSameContentTwice) {
  const ClaimKey key{"e1", Sha256Hex("abc")};
  EXPECT_TRUE(*store().Put(key, "abc", kTimeout));
  EXPECT_FALSE(*store().Put(key, "abc", kTimeout));
  EXPECT_TRUE(*store().Put({"e2", key.sha256}, "abc", kTimeout));
  EXPECT_EQ(*store().Get(key, 3, kTimeout), "abc");
}

TEST_P(ClaimStoreSuite, SaysThatThereIsNone) {
  const ClaimKey key = MustPut("e1", "abc");
  EXPECT_EQ(store().Get({"e2", key.sha256}, 3, kTimeout).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().Get({"e1", Sha256Hex("other")}, 3, kTimeout).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ports::ReadClaim(store(), {"e2", key.sha256}, 3, kTimeout).error().code, ErrorCode::kNotFound);
}

TEST_P(ClaimStoreSuite, ReadsNoMoreThanTheLimit) {
  const ClaimKey key = MustPut("e1", "abcd");
  EXPECT_EQ(store().Get(key, 3, kTimeout).error().code, ErrorCode::kTooLarge);
}

TEST_P(ClaimStoreSuite, AWrongPayloadIsNoticed) {
  const ClaimKey key = MustPut("e1", "abc");
  harness_->Damage(key, "abd");
  EXPECT_EQ(ports::ReadClaim(store(), key, 3, kTimeout).error().code, ErrorCode::kInvalid);
  harness_->Damage(key, "ab");
  EXPECT_EQ(ports::ReadClaim(store(), key, 3, kTimeout).error().code, ErrorCode::kInvalid);
  harness_->Damage(key, "abcd");
  EXPECT_EQ(ports::ReadClaim(store(), key, 3, kTimeout).error().code, ErrorCode::kInvalid);
  // One of another size is mended by the next who puts it.
  EXPECT_TRUE(*store().Put(key, "abc", kTimeout));
  EXPECT_EQ(*ports::ReadClaim(store(), key, 3, kTimeout), "abc");
}

TEST_P(ClaimStoreSuite, AnIdNeverLeavesItsFolder) {
  const std::vector<std::string> ids = {"../../up", "a/b", ".", "..", "", "ä", std::string(300, 'x'), "sha256-ab"};
  for (const std::string& id : ids) {
    const ClaimKey key = MustPut(id, "of " + id);
    EXPECT_EQ(*store().Get(key, 400, kTimeout), "of " + id);
  }
  const auto folders = store().List("", 100, kTimeout);
  ASSERT_TRUE(folders.ok());
  ASSERT_EQ(folders->size(), ids.size());
  for (const ports::ClaimFolder& folder : *folders) EXPECT_EQ(folder.name.rfind("sha256-", 0), 0U) << folder.name;
}

TEST_P(ClaimStoreSuite, ListsFoldersInPages) {
  const WallTime before = RealClock().Now() - std::chrono::minutes(1);
  EXPECT_TRUE(store().List("", 10, kTimeout)->empty());
  for (const char* id : {"b", "a", "c", "d"}) {
    MustPut(id, "1");
    MustPut(id, "2");
  }
  EXPECT_THAT(NamesOf(store().List("", 3, kTimeout)), testing::ElementsAre("a", "b", "c"));
  EXPECT_THAT(NamesOf(store().List("c", 3, kTimeout)), testing::ElementsAre("d"));
  const auto all = store().List("", 10, kTimeout);
  for (const ports::ClaimFolder& folder : *all) {
    EXPECT_GT(folder.newest, before);
    EXPECT_LT(folder.newest, before + std::chrono::minutes(10));
  }
}

TEST_P(ClaimStoreSuite, RemovesAFolderWithAllInIt) {
  const ClaimKey first = MustPut("a", "1");
  MustPut("a", "2");
  const ClaimKey other = MustPut("ab", "1");
  EXPECT_EQ(*store().Remove("a", kTimeout), 2);
  EXPECT_EQ(*store().Remove("a", kTimeout), 0);
  EXPECT_EQ(store().Get(first, 9, kTimeout).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(NamesOf(store().List("", 10, kTimeout)), testing::ElementsAre("ab"));
  EXPECT_TRUE(store().Get(other, 9, kTimeout).ok());
  EXPECT_TRUE(*store().Put(first, "1", kTimeout));
}

TEST_P(ClaimStoreSuite, ManyWriteAndReadAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20;
  std::vector<std::thread> threads;
  for (int number = 0; number < kThreads; ++number) {
    threads.emplace_back([this] {
      for (int round = 0; round < kRounds; ++round) {
        const std::string payload(10'000, static_cast<char>('a' + round));
        const ClaimKey key{"shared", Sha256Hex(payload)};
        EXPECT_TRUE(store().Put(key, payload, kTimeout).ok());
        EXPECT_TRUE(ports::ReadClaim(store(), key, payload.size(), kTimeout).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(*store().Remove("shared", kTimeout), kRounds);
}

}  // namespace asya::claims::conformance
