#include <atomic>
#include <set>
#include <thread>

#include "storage/conformance/object_store_suite.h"

namespace asya::storage::conformance {
namespace {

using ports::ObjectKey;
using ports::Precondition;
using ports::Record;
using ports::Revision;

TEST_P(ObjectStoreSuite, AnEmptyStoreHasAHeadThatClientsAccept) { EXPECT_GT(Head().get(), 0); }

TEST_P(ObjectStoreSuite, CreateThenGetReturnsTheSameObject) {
  const ports::Labels labels{{"app", "demo"}, {"odd,key=%", "a=b,c%d\n"}, {"empty", ""}};
  const Record created = MustCreate("default", "prep", labels);
  const auto got = store().Get(created.key);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->key, created.key);
  EXPECT_EQ(got->uid, "uid-default-prep");
  EXPECT_EQ(got->revision, created.revision);
  EXPECT_EQ(got->labels, labels);
  EXPECT_EQ(*got->json, *MakeRecord("default", "prep").json);
  EXPECT_EQ(Head(), created.revision);
}

TEST_P(ObjectStoreSuite, CreateOfAnExistingObjectIsRefused) {
  const Record first = MustCreate("default", "prep");
  const auto second = store().Create(MakeRecord("default", "prep", 2), kAuthor);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kExists);
  EXPECT_EQ(store().Get(first.key)->revision, first.revision);
  EXPECT_EQ(Head(), first.revision) << "a refused write takes no revision";
}

TEST_P(ObjectStoreSuite, KeysAreDistinctByResourceNamespaceAndName) {
  MustCreate("a", "x");
  MustCreate("b", "x");
  MustCreate("", "x");
  Record flow = MakeRecord("a", "x");
  flow.key.resource = "flows";
  flow.uid = "flow-uid";
  EXPECT_TRUE(store().Create(flow, kAuthor).ok());
  EXPECT_EQ(store().Get(ObjectKey{"flows", "a", "x"})->uid, "flow-uid");
  EXPECT_EQ(store().Get(ObjectKey{"asyncactors", "", "x"})->uid, "uid--x");
}

TEST_P(ObjectStoreSuite, WhatIsMissingIsNotFound) {
  const ObjectKey key{"asyncactors", "default", "none"};
  EXPECT_EQ(store().Get(key).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().Update(MakeRecord("default", "none"), {}, kAuthor).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().Delete(key, {}, kAuthor).error().code, ErrorCode::kNotFound);
}

TEST_P(ObjectStoreSuite, UpdateReplacesAndGrowsTheRevision) {
  const Record created = MustCreate("default", "prep", {{"old", "1"}});
  Record next = MakeRecord("default", "prep", 2, {{"new", "2"}});
  const auto updated = store().Update(next, Precondition{created.revision, created.uid}, kAuthor);
  ASSERT_TRUE(updated.ok()) << updated.error().message;
  EXPECT_GT(updated->revision, created.revision);
  EXPECT_EQ(updated->uid, created.uid);
  const auto got = store().Get(created.key);
  EXPECT_EQ(got->revision, updated->revision);
  EXPECT_EQ(*got->json, *next.json);
  EXPECT_EQ(got->labels, next.labels);
}

TEST_P(ObjectStoreSuite, UpdateWithAStalePreconditionIsAConflict) {
  const Record created = MustCreate("default", "prep");
  const Record updated = MustUpdate("default", "prep", 2);
  const auto stale = store().Update(MakeRecord("default", "prep", 3), Precondition{created.revision, {}}, kAuthor);
  ASSERT_FALSE(stale.ok());
  EXPECT_EQ(stale.error().code, ErrorCode::kConflict);
  EXPECT_EQ(stale.error().field, "metadata.resourceVersion");
  const auto foreign = store().Update(MakeRecord("default", "prep", 3), Precondition{{}, "other-uid"}, kAuthor);
  ASSERT_FALSE(foreign.ok());
  EXPECT_EQ(foreign.error().code, ErrorCode::kConflict);
  EXPECT_EQ(foreign.error().field, "metadata.uid");
  EXPECT_EQ(store().Get(created.key)->revision, updated.revision);
  EXPECT_EQ(Head(), updated.revision);
}

TEST_P(ObjectStoreSuite, UpdateCannotTurnAnObjectIntoAnother) {
  MustCreate("default", "prep");
  Record other = MakeRecord("default", "prep", 2);
  other.uid = "another-uid";
  const auto updated = store().Update(other, {}, kAuthor);
  ASSERT_FALSE(updated.ok());
  EXPECT_EQ(updated.error().code, ErrorCode::kConflict);
}

TEST_P(ObjectStoreSuite, DeleteReturnsTheLastStateWithItsOwnRevision) {
  MustCreate("default", "prep");
  const Record last = MustUpdate("default", "prep", 2);
  EXPECT_EQ(store().Delete(last.key, Precondition{Revision(last.revision.get() - 1), {}}, kAuthor).error().code,
            ErrorCode::kConflict);
  EXPECT_EQ(store().Delete(last.key, Precondition{{}, "other"}, kAuthor).error().code, ErrorCode::kConflict);
  const auto deleted = store().Delete(last.key, Precondition{last.revision, last.uid}, kAuthor);
  ASSERT_TRUE(deleted.ok()) << deleted.error().message;
  EXPECT_GT(deleted->revision, last.revision);
  EXPECT_EQ(*deleted->json, *last.json);
  EXPECT_EQ(Head(), deleted->revision);
  EXPECT_EQ(store().Get(last.key).error().code, ErrorCode::kNotFound);
}

TEST_P(ObjectStoreSuite, ANameCanBeUsedAgainAfterDeletion) {
  MustCreate("default", "prep");
  const Record deleted = MustDelete("default", "prep");
  Record again = MakeRecord("default", "prep");
  again.uid = "second-uid";
  const auto created = store().Create(again, kAuthor);
  ASSERT_TRUE(created.ok());
  EXPECT_GT(created->revision, deleted.revision);
  EXPECT_EQ(store().Get(again.key)->uid, "second-uid");
}

TEST_P(ObjectStoreSuite, OfConcurrentUpdatesOfOneRevisionExactlyOneWins) {
  constexpr int kWriters = 6;
  constexpr int kRounds = 10;
  Record current = MustCreate("default", "prep");
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<int> won = 0;
    std::atomic<int> conflicts = 0;
    std::vector<std::thread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.emplace_back([&, i] {
        const auto result =
            store().Update(MakeRecord("default", "prep", i), Precondition{current.revision, {}}, kAuthor);
        if (result.ok()) ++won;
        if (!result.ok() && result.error().code == ErrorCode::kConflict) ++conflicts;
      });
    }
    for (auto& writer : writers) writer.join();
    EXPECT_EQ(won, 1);
    EXPECT_EQ(conflicts, kWriters - 1);
    current = *store().Get(current.key);
  }
}

TEST_P(ObjectStoreSuite, RevisionsOfConcurrentWritersAreDistinctAndGrow) {
  constexpr int kWriters = 4;
  constexpr int kEach = 25;
  std::mutex mutex;
  std::set<Revision> seen;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      Revision last;
      for (int i = 0; i < kEach; ++i) {
        const Record created = MustCreate("w" + std::to_string(w), "n" + std::to_string(i));
        EXPECT_GT(created.revision, last);
        EXPECT_GE(Head(), created.revision);
        last = created.revision;
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(seen.insert(created.revision).second);
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(Head(), *seen.rbegin());
}

}  // namespace
}  // namespace asya::storage::conformance
