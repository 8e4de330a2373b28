#include "storage/sqlite/object_store.h"

#include <thread>

#include "storage/conformance/object_store_suite.h"
#include "storage/conformance/temporary_folder.h"
#include "storage/revision_bump.h"
#include "storage/sqlite/bump_revision.h"
#include "storage/sqlite/open_database.h"

namespace asya::storage::sqlite {
namespace {

using conformance::kAuthor;
using conformance::RecordingSink;
using ports::Record;
using ports::Revision;

class Harness final : public conformance::ObjectStoreHarness {
 public:
  explicit Harness(const BroadcasterSettings& settings) : database_(OpenDatabase(folder_.File("store.db"))) {
    ObjectStoreSettings store_settings;
    store_settings.broadcaster = settings;
    store_ = std::make_unique<ObjectStore>(*database_, RealClock(), store_settings);
    EXPECT_TRUE(store_->Start().ok());
  }
  ports::ObjectStore& store() override { return *store_; }

 private:
  conformance::TemporaryFolder folder_;
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<ObjectStore> store_;
};

Record MakeRecord(const std::string& name, int generation = 1) {
  Record record;
  record.key = {"asyncactors", "default", name};
  record.uid = "uid-" + name;
  record.labels = {{"name", name}};
  record.json =
      std::make_shared<const std::string>(R"({"metadata":{},"generation":)" + std::to_string(generation) + "}");
  return record;
}

TEST(SqliteObjectStore, ABumpedStoreGoesOnBeyondAllThatWasSeen) {
  const conformance::TemporaryFolder folder;
  const auto database = OpenDatabase(folder.File("store.db"));
  Revision before;
  {
    ObjectStore store(*database, RealClock());
    ASSERT_TRUE(store.Start().ok());
    before = store.Create(MakeRecord("a"), kAuthor)->revision;
  }
  const auto bumped = BumpRevision(*database);
  ASSERT_TRUE(bumped.ok());
  EXPECT_EQ(bumped->get(), before.get() + kRevisionBump);
  ObjectStore store(*database, RealClock());
  ASSERT_TRUE(store.Start().ok());
  EXPECT_EQ(store.Watch({"asyncactors", {}}, before, std::make_shared<RecordingSink>()).error().code,
            ErrorCode::kExpired);
  EXPECT_EQ(store.List({"asyncactors", {}, {}, 0, {}, {}})->revision, *bumped);
  EXPECT_GT(store.Update(MakeRecord("a", 2), {before, {}}, kAuthor)->revision, *bumped)
      << "its own revision has stayed";
}

TEST(SqliteObjectStore, EverythingIsThereAfterAReopen) {
  const conformance::TemporaryFolder folder;
  Revision head;
  {
    const auto database = OpenDatabase(folder.File("store.db"));
    ObjectStore store(*database, RealClock());
    ASSERT_TRUE(store.Start().ok());
    ASSERT_TRUE(store.Create(MakeRecord("a"), kAuthor).ok());
    ASSERT_TRUE(store.Create(MakeRecord("b"), kAuthor).ok());
    ASSERT_TRUE(store.Update(MakeRecord("a", 2), {}, kAuthor).ok());
    ASSERT_TRUE(store.Delete(MakeRecord("b").key, {}, kAuthor).ok());
    head = *store.Head();
  }
  const auto database = OpenDatabase(folder.File("store.db"));
  ObjectStore store(*database, RealClock());
  ASSERT_TRUE(store.Start().ok());
  EXPECT_EQ(*store.Head(), head);
  EXPECT_EQ(*store.Get(MakeRecord("a").key)->json, R"({"metadata":{},"generation":2})");
  EXPECT_EQ(store.History({MakeRecord("b").key, {}, {}, {}, 10})->size(), 2U);
  const auto sink = std::make_shared<RecordingSink>();
  const auto watch = store.Watch({"asyncactors", std::nullopt}, Revision(1), sink);
  ASSERT_TRUE(watch.ok());
  EXPECT_EQ(sink->WaitForEvents(4).size(), 4U);
  EXPECT_GT(store.Create(MakeRecord("c"), kAuthor)->revision, head);
}

TEST(SqliteObjectStore, CompactOldKeepsTheYoungAndTheLast) {
  const conformance::TemporaryFolder folder;
  const auto database = OpenDatabase(folder.File("store.db"));
  FakeClock clock;
  ObjectStoreSettings settings;
  settings.events_kept_min = 3;
  settings.event_age_kept_min = std::chrono::minutes(5);
  ObjectStore store(*database, clock, settings);
  ASSERT_TRUE(store.Start().ok());
  const Revision start = *store.Head();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(store.Create(MakeRecord("old" + std::to_string(i)), kAuthor).ok());
  const auto opens = [&](std::int64_t after_start) {
    return store
        .Watch({"asyncactors", std::nullopt}, Revision(start.get() + after_start), std::make_shared<RecordingSink>())
        .ok();
  };
  ASSERT_TRUE(store.CompactOld().ok());
  EXPECT_TRUE(opens(0)) << "all events are young";
  clock.Advance(std::chrono::minutes(6));
  ASSERT_TRUE(store.CompactOld().ok());
  EXPECT_FALSE(opens(6));
  EXPECT_TRUE(opens(7)) << "the last three stay, however old";
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store.Create(MakeRecord("new" + std::to_string(i)), kAuthor).ok());
  ASSERT_TRUE(store.CompactOld().ok());
  EXPECT_FALSE(opens(9));
  EXPECT_TRUE(opens(10)) << "all five young ones stay";
}

TEST(SqliteObjectStore, HistoryIsBoundedPerObjectAndInAll) {
  const conformance::TemporaryFolder folder;
  const auto database = OpenDatabase(folder.File("store.db"));
  ObjectStoreSettings settings;
  settings.history = {3, 10};
  ObjectStore store(*database, RealClock(), settings);
  ASSERT_TRUE(store.Start().ok());
  ASSERT_TRUE(store.Create(MakeRecord("a"), kAuthor).ok());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store.Update(MakeRecord("a"), {}, kAuthor).ok());
  ASSERT_TRUE(store.Create(MakeRecord("b"), kAuthor).ok());
  EXPECT_EQ(*store.DropOldHistory(), 3) << "all over three of one object";
  const auto kept = store.History({MakeRecord("a").key, {}, {}, {}, 10});
  ASSERT_EQ(kept->size(), 3U);
  EXPECT_EQ(kept->front().revision.get(), store.Head()->get() - 1) << "the newest stay";
  EXPECT_EQ(store.History({MakeRecord("b").key, {}, {}, {}, 10})->size(), 1U);
  EXPECT_EQ(*store.DropOldHistory(), 0);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(store.Create(MakeRecord("n" + std::to_string(i)), kAuthor).ok());
  EXPECT_EQ(*store.DropOldHistory(), 2) << "all over ten, the oldest first";
  EXPECT_EQ(store.History({MakeRecord("a").key, {}, {}, {}, 10})->size(), 1U);
}

TEST(SqliteObjectStore, HistoryIsBoundedByAge) {
  const conformance::TemporaryFolder folder;
  const auto database = OpenDatabase(folder.File("store.db"));
  FakeClock clock;
  ObjectStoreSettings settings;
  settings.history.age_max = std::chrono::hours(10);
  ObjectStore store(*database, clock, settings);
  ASSERT_TRUE(store.Start().ok());
  const auto pass = [&](int hours) { clock.Advance(std::chrono::hours(hours)); };
  const auto verbs = [&](const char* name) {
    std::string all;
    const auto entries = store.History({MakeRecord(name).key, {}, {}, {}, 10});
    for (const auto& entry : *entries) {
      all += entry.author.verb.substr(0, 1);
    }
    return all;
  };
  for (const char* name : {"kept", "changed", "gone"}) {
    ASSERT_TRUE(store.Create(MakeRecord(name), {"ada", "", "create"}).ok());
  }
  pass(5);
  ASSERT_TRUE(store.Update(MakeRecord("changed"), {}, {"ada", "", "update"}).ok());
  ASSERT_TRUE(store.Delete(MakeRecord("gone").key, {}, {"ada", "", "delete"}).ok());
  pass(6);
  EXPECT_EQ(*store.DropOldHistory(), 0) << "ten hours ago the first state of all three was live";
  pass(5);
  EXPECT_EQ(*store.DropOldHistory(), 3);
  EXPECT_EQ(verbs("kept"), "c") << "it is still live";
  EXPECT_EQ(verbs("changed"), "u");
  EXPECT_EQ(verbs("gone"), "");
  EXPECT_EQ(*store.DropOldHistory(), 0);
}

TEST(SqliteObjectStore, CompactionTakesTheRowsInBatches) {
  const conformance::TemporaryFolder folder;
  const auto database = OpenDatabase(folder.File("store.db"));
  ObjectStore store(*database, RealClock());
  ASSERT_TRUE(store.Start().ok());
  constexpr int kThreads = 8;
  constexpr int kEach = 300;
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        EXPECT_TRUE(store.Create(MakeRecord(std::to_string(t) + "-" + std::to_string(i)), kAuthor).ok());
      }
    });
  }
  for (auto& writer : writers) writer.join();
  ASSERT_TRUE(store.Compact(*store.Head()).ok());
  std::int64_t left = -1;
  ASSERT_TRUE(database
                  ->Read([&](sql::sqlite::Transaction& transaction) -> Status {
                    ASYA_TRY(auto* const row, transaction.Prepare("SELECT count(*) FROM events"));
                    ASYA_TRY(const bool found, row->Step());
                    left = found ? row->Int(0) : -1;
                    return Ok();
                  })
                  .ok());
  EXPECT_EQ(left, 0);
  ports::ListQuery query;
  query.resource = "asyncactors";
  EXPECT_EQ(store.List(query)->items.size(), static_cast<std::size_t>(kThreads * kEach));
}

TEST(SqliteObjectStore, WritesAfterTheDatabaseClosedAreRefused) {
  const conformance::TemporaryFolder folder;
  const auto database = OpenDatabase(folder.File("store.db"));
  ObjectStore store(*database, RealClock());
  ASSERT_TRUE(store.Start().ok());
  database->Stop();
  EXPECT_FALSE(store.Create(MakeRecord("a"), kAuthor).ok());
  EXPECT_FALSE(store.Get(MakeRecord("a").key).ok());
}

}  // namespace

using conformance::ObjectStoreImplementation;
using conformance::ObjectStoreSuite;

INSTANTIATE_TEST_SUITE_P(Sqlite, ObjectStoreSuite,
                         testing::Values(ObjectStoreImplementation{
                             "Sqlite",
                             [](const BroadcasterSettings& settings) { return std::make_unique<Harness>(settings); }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace asya::storage::sqlite
