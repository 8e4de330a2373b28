#include "storage/conformance/object_store_suite.h"

namespace asya::storage::conformance {
namespace {

using ports::HistoryEntry;
using ports::Record;

std::vector<std::string> Verbs(const std::vector<HistoryEntry>& entries) {
  std::vector<std::string> verbs;
  for (const auto& entry : entries) verbs.push_back(entry.author.verb);
  return verbs;
}

TEST_P(ObjectStoreSuite, HistoryKeepsEveryWriteButStatus) {
  const ports::ObjectKey key{"asyncactors", "default", "prep"};
  const auto created = store().Create(MakeRecord("default", "prep"), {"alice", "kubectl", "create", true});
  ASSERT_TRUE(created.ok());
  ASSERT_TRUE(store().Update(MakeRecord("default", "prep", 2), {}, kStatusAuthor).ok());
  const auto patched = store().Update(MakeRecord("default", "prep", 3), {}, {"bob", "asya", "patch", true});
  const auto deleted = store().Delete(key, {}, {"carol", "curl", "delete", true});
  ASSERT_TRUE(deleted.ok());
  const auto history = store().History({key, "uid-default-prep", {}, {}, 10});
  ASSERT_TRUE(history.ok());
  ASSERT_EQ(Verbs(*history), (std::vector<std::string>{"delete", "patch", "create"}));
  EXPECT_EQ(history->at(0).revision, deleted->revision);
  EXPECT_EQ(*history->at(0).json, *MakeRecord("default", "prep", 3).json) << "a deletion shows the last state";
  EXPECT_EQ(history->at(1).revision, patched->revision);
  EXPECT_EQ(history->at(1).author.user, "bob");
  EXPECT_EQ(history->at(1).author.user_agent, "asya");
  EXPECT_EQ(history->at(1).key, key);
  EXPECT_GT(history->at(1).at, WallTime{});
  EXPECT_EQ(*history->at(2).json, *MakeRecord("default", "prep", 1).json);
}

TEST_P(ObjectStoreSuite, HistoryIsFoundByKeyOrByUid) {
  MustCreate("default", "prep");
  MustDelete("default", "prep");
  Record second = MakeRecord("default", "prep", 5);
  second.uid = "second-uid";
  ASSERT_TRUE(store().Create(second, kAuthor).ok());
  EXPECT_EQ(store().History({second.key, {}, {}, {}, 10})->size(), 3U);
  EXPECT_EQ(store().History({second.key, "second-uid", {}, {}, 10})->size(), 1U);
  EXPECT_EQ(store().History({second.key, "uid-default-prep", {}, {}, 10})->size(), 2U);
  EXPECT_EQ(store().History({second.key, {}, {}, {}, 1})->at(0).uid, "second-uid") << "newest first";
  EXPECT_TRUE(store().History({{"asyncactors", "default", "other"}, {}, {}, {}, 10})->empty());
}

TEST_P(ObjectStoreSuite, HistoryOfAUidIsToldOnlyUnderItsOwnKey) {
  const Record record = MustCreate("default", "prep");
  EXPECT_EQ(store().History({record.key, record.uid, {}, {}, 10})->size(), 1U);
  EXPECT_TRUE(store().History({{"asyncactors", "other", "prep"}, record.uid, {}, {}, 10})->empty())
      << "who may read one namespace would read every other by uid";
  EXPECT_TRUE(store().History({{"flows", "default", "prep"}, record.uid, {}, {}, 10})->empty());
}

TEST_P(ObjectStoreSuite, HistoryGoesBackFromARevisionOrATime) {
  const Record first = MustCreate("default", "prep");
  const Record second = MustUpdate("default", "prep", 2);
  const Record third = MustUpdate("default", "prep", 3);
  const auto upto = store().History({first.key, {}, second.revision, {}, 10});
  ASSERT_EQ(upto->size(), 2U);
  EXPECT_EQ(upto->at(0).revision, second.revision);
  EXPECT_EQ(store().History({first.key, first.uid, ports::Revision(third.revision.get() - 1), {}, 1})->at(0).revision,
            second.revision);
  EXPECT_TRUE(store().History({first.key, {}, ports::Revision(first.revision.get() - 1), {}, 10})->empty());
  const auto all = store().History({first.key, {}, {}, {}, 10});
  ASSERT_EQ(all->size(), 3U);
  const WallTime created = all->at(2).at;
  EXPECT_EQ(store().History({first.key, {}, {}, all->at(0).at, 1})->at(0).revision, third.revision);
  EXPECT_TRUE(store().History({first.key, {}, {}, created - std::chrono::microseconds(1), 1})->empty());
  EXPECT_EQ(store().History({first.key, {}, first.revision, all->at(0).at, 10})->size(), 1U) << "both bounds hold";
}

TEST_P(ObjectStoreSuite, HistorySurvivesCompaction) {
  MustCreate("default", "prep");
  MustUpdate("default", "prep", 2);
  const Record deleted = MustDelete("default", "prep");
  ASSERT_TRUE(store().Compact(deleted.revision).ok());
  EXPECT_EQ(store().History({deleted.key, {}, {}, {}, 10})->size(), 3U);
}

}  // namespace
}  // namespace asya::storage::conformance
