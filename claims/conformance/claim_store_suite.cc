#include "claims/conformance/claim_store_suite.h"

#include <gmock/gmock.h>

#include <thread>
#include <vector>

#include "core/base/sha256.h"
#include "model/claim.h"
#include "ports/claim_marks.h"
#include "ports/claim_payload.h"

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

ClaimKey ClaimStoreSuite::MustPut(const std::string& root, const std::string& payload) {
  const ClaimKey key{root, Sha256Hex(payload)};
  const auto put = store().Put(key, payload, kTimeout);
  EXPECT_TRUE(put.ok()) << (put.ok() ? "" : put.error().message);
  return key;
}

model::Envelope ClaimStoreSuite::MustClaim(const std::string& id, const std::string& root, const std::string& payload) {
  model::Envelope envelope;
  envelope.id = id;
  if (root != id) envelope.headers[model::kRootHeader] = root;
  envelope.payload = payload;
  const auto claimed = ports::ClaimPayload(store(), envelope, kTimeout);
  EXPECT_TRUE(claimed.ok()) << (claimed.ok() ? "" : claimed.error().message);
  return envelope;
}

std::int64_t ClaimStoreSuite::RemoveAll(const std::string& folder) {
  const auto looked = store().Look(folder, kTimeout);
  EXPECT_TRUE(looked.ok());
  const auto removed = ports::RemoveClaims(store(), *looked, kTimeout);
  EXPECT_TRUE(removed.ok()) << (removed.ok() ? "" : removed.error().message);
  return removed.ok() ? *removed : -1;
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
  const ClaimKey another = MustPut("a-b", "1");
  EXPECT_EQ(RemoveAll("a"), 2);
  EXPECT_EQ(RemoveAll("a"), 0);
  EXPECT_EQ(store().Get(first, 9, kTimeout).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(NamesOf(store().List("", 10, kTimeout)), testing::UnorderedElementsAre("ab", "a-b"));
  EXPECT_TRUE(store().Look("a", kTimeout)->names.empty());
  EXPECT_TRUE(store().Get(other, 9, kTimeout).ok());
  EXPECT_TRUE(store().Get(another, 9, kTimeout).ok());
  EXPECT_TRUE(*store().Put(first, "1", kTimeout));
}

TEST_P(ClaimStoreSuite, PagesPassOverNothing) {
  // Names that begin like others, in any order that a store may have.
  const std::vector<std::string> ids = {"a", "a-b", "a0", "aB", "a_b", "ab", "b"};
  for (const std::string& id : ids) MustPut(id, "1");
  std::vector<std::string> seen;
  std::string after;
  for (;;) {
    const auto page = store().List(after, 2, kTimeout);
    ASSERT_TRUE(page.ok());
    if (page->empty()) break;
    for (const ports::ClaimFolder& folder : *page) seen.push_back(folder.name);
    after = page->back().name;
  }
  EXPECT_THAT(seen, testing::UnorderedElementsAreArray(ids));
}

TEST_P(ClaimStoreSuite, MarksAreSeenAtOnceAndAreNoPayloads) {
  EXPECT_FALSE(*store().HasMark("a", "x", kTimeout));
  ASSERT_TRUE(store().SetMark("a", "x", kTimeout).ok());
  ASSERT_TRUE(store().SetMark("a", "x", kTimeout).ok());
  const ClaimKey key = MustPut("a", "1");
  EXPECT_TRUE(*store().HasMark("a", "x", kTimeout));
  EXPECT_FALSE(*store().HasMark("a", "y", kTimeout));
  EXPECT_FALSE(*store().HasMark("b", "x", kTimeout));
  EXPECT_THAT(store().Look("a", kTimeout)->names, testing::UnorderedElementsAre("x", key.sha256));
  ASSERT_TRUE(store().Remove("a", {"x", "never"}, kTimeout).ok());
  EXPECT_FALSE(*store().HasMark("a", "x", kTimeout));
  EXPECT_THAT(store().Look("a", kTimeout)->names, testing::ElementsAre(key.sha256));
}

TEST_P(ClaimStoreSuite, AFamilyIsInOneFolderAndSaysWhoHolds) {
  const auto root = MustClaim("r", "r", "1");
  const auto child = MustClaim("c", "r", "2");
  EXPECT_EQ(model::ClaimOf(child)->root, "r");
  auto folders = store().List("", 10, kTimeout);
  ASSERT_THAT(NamesOf(folders), testing::ElementsAre("r"));
  EXPECT_THAT(ports::HoldersOf(folders->front()).open, testing::ElementsAre("c", "r"));
  ASSERT_TRUE(store().SetMark("r", ports::ClaimMark(ports::kEndedMark, "r"), kTimeout).ok());
  ASSERT_TRUE(store().SetMark("r", ports::ClaimMark(ports::kLetterMark, "c"), kTimeout).ok());
  const auto holders = ports::HoldersOf(*store().Look("r", kTimeout));
  EXPECT_TRUE(holders.open.empty());
  EXPECT_THAT(holders.letters, testing::ElementsAre("c"));
  // The same id may come back and hold again.
  MustClaim("r", "r", "1");
  EXPECT_THAT(ports::HoldersOf(*store().Look("r", kTimeout)).open, testing::ElementsAre("r"));
}

TEST_P(ClaimStoreSuite, NothingIsRemovedFromUnderWhoeverBeginsToUseIt) {
  MustClaim("r", "r", "1");
  ASSERT_TRUE(store().SetMark("r", ports::ClaimMark(ports::kEndedMark, "r"), kTimeout).ok());
  const auto judged = *store().Look("r", kTimeout);
  const auto child = MustClaim("c", "r", "1");
  EXPECT_EQ(*ports::RemoveClaims(store(), judged, kTimeout), 0);
  EXPECT_EQ(*ports::ReadClaim(store(), {"r", model::ClaimOf(child)->sha256}, 1, kTimeout), "1");
  EXPECT_FALSE(*store().HasMark("r", ports::kRemovingMark, kTimeout));
}

TEST_P(ClaimStoreSuite, NobodyBeginsToUseWhatIsBeingRemoved) {
  MustClaim("r", "r", "1");
  ASSERT_TRUE(store().SetMark("r", ports::kRemovingMark, kTimeout).ok());
  model::Envelope child;
  child.id = "c";
  child.headers[model::kRootHeader] = "r";
  child.payload = "1";
  EXPECT_EQ(ports::ClaimPayload(store(), child, kTimeout).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(child.payload, "1");
  // It may again when the removal is over, one way or the other.
  EXPECT_EQ(RemoveAll("r"), 1);
  EXPECT_TRUE(ports::ClaimPayload(store(), child, kTimeout).ok());
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
  EXPECT_EQ(RemoveAll("shared"), kRounds);
}

}  // namespace asya::claims::conformance
