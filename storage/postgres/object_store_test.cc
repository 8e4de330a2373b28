#include "storage/postgres/object_store.h"

#include <atomic>
#include <thread>

#include "storage/conformance/object_store_suite.h"
#include "storage/postgres/bump_revision.h"
#include "storage/postgres/change.h"
#include "storage/postgres/schema.h"
#include "storage/postgres/test_instance.h"
#include "storage/revision_bump.h"
#include "tests/support/postgres_schema.h"

namespace asya::storage::postgres {
namespace {

using conformance::kAuthor;
using conformance::RecordingSink;
using ports::Record;
using ports::Revision;
using tests::PostgresSchema;

class Harness final : public conformance::ObjectStoreHarness {
 public:
  Harness(const BroadcasterSettings& settings, std::size_t mirror_bytes) : instance_(schema_, settings, mirror_bytes) {}
  ports::ObjectStore& store() override { return instance_.store(); }

 private:
  PostgresSchema schema_;
  Instance instance_;
};

class PostgresObjectStore : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  }
};

TEST_F(PostgresObjectStore, ABumpedStoreGoesOnBeyondAllThatWasSeen) {
  const PostgresSchema schema;
  Instance running(schema);
  const Revision before = running.store().Create(MakeRecord("n", "a"), kAuthor)->revision;
  const auto sink = std::make_shared<RecordingSink>();
  const auto watch = running.store().Watch({"asyncactors", {}}, before, sink);
  const auto bumped = BumpRevision(running.database());
  ASSERT_TRUE(bumped.ok());
  EXPECT_EQ(bumped->get(), before.get() + kRevisionBump);
  Instance next(schema);
  EXPECT_EQ(next.store().Watch({"asyncactors", {}}, before, sink).error().code, ErrorCode::kExpired);
  EXPECT_EQ(next.store().List({"asyncactors", {}, {}, 0, {}, {}})->revision, *bumped);
  EXPECT_GT(next.store().Update(MakeRecord("n", "a"), {before, {}}, kAuthor)->revision, *bumped);
  EXPECT_EQ(sink->WaitForClose().value().code, ErrorCode::kExpired) << "a server that runs meanwhile ends its watches";
}

TEST_F(PostgresObjectStore, CommitsAreCounted) {
  const PostgresSchema schema;
  Instance running(schema);
  ASSERT_TRUE(running.store().Create(MakeRecord("n", "a"), kAuthor).ok());
  ASSERT_TRUE(running.store().Create(MakeRecord("n", "b"), kAuthor).ok());
  // Refused by what is stored, which is no fault of the transaction.
  EXPECT_EQ(running.store().Create(MakeRecord("n", "b"), kAuthor).error().code, ErrorCode::kExists);
  const std::string text = running.Metrics();
  EXPECT_NE(text.find("asya_postgres_commit_seconds_count 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("asya_postgres_commit_changes_sum 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("asya_postgres_commit_failures_total 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("asya_postgres_write_queue_changes 0\n"), std::string::npos) << text;
}

TEST_F(PostgresObjectStore, WatchersOfEveryInstanceSeeTheWritesOfAllOnceInOrder) {
  constexpr int kInstances = 3;
  constexpr int kWriters = 2;  // of each instance
  constexpr int kEach = 40;
  const PostgresSchema schema;
  std::vector<std::unique_ptr<Instance>> instances;
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  std::vector<std::shared_ptr<void>> watches;
  for (int i = 0; i < kInstances; ++i) {
    instances.push_back(std::make_unique<Instance>(schema));
    sinks.push_back(std::make_shared<RecordingSink>());
    watches.push_back(
        instances.back()->store().Watch({"asyncactors", std::nullopt}, Revision(1), sinks.back()).value());
  }
  std::vector<std::thread> writers;
  for (int i = 0; i < kInstances; ++i) {
    for (int w = 0; w < kWriters; ++w) {
      writers.emplace_back([&, i, w] {
        const std::string place = std::to_string(i) + "-" + std::to_string(w);
        ObjectStore& store = instances[static_cast<std::size_t>(i)]->store();
        for (int n = 0; n < kEach; ++n) {
          EXPECT_TRUE(store.Create(MakeRecord(place, std::to_string(n)), kAuthor).ok());
        }
      });
    }
  }
  for (auto& writer : writers) writer.join();
  const std::size_t expected = static_cast<std::size_t>(kInstances) * kWriters * kEach;
  const auto first = sinks.front()->WaitForEvents(expected);
  ASSERT_EQ(first.size(), expected);
  for (const auto& sink : sinks) {
    const auto events = sink->WaitForEvents(expected);
    ASSERT_EQ(events.size(), expected);
    for (std::size_t n = 0; n < expected; ++n) {
      EXPECT_EQ(events[n].record.revision, first[n].record.revision);
      EXPECT_EQ(events[n].record.key, first[n].record.key);
      if (n == 0) continue;
      EXPECT_GT(events[n].record.revision, events[n - 1].record.revision);
    }
  }
}

// What one has written the other reads at once, objects that are gone included, whatever else is going on.
TEST_F(PostgresObjectStore, EachInstanceReadsTheLastWriteOfTheOther) {
  constexpr int kRounds = 60;
  const PostgresSchema schema;
  Instance one(schema);
  Instance two(schema);
  std::atomic<bool> done = false;
  std::thread noise([&] {
    for (int n = 0; !done; ++n) {
      EXPECT_TRUE(two.store().Create(MakeRecord("noise", std::to_string(n)), kAuthor).ok());
    }
  });
  for (int n = 0; n < kRounds; ++n) {
    ObjectStore& writer = n % 2 == 0 ? one.store() : two.store();
    ObjectStore& reader = n % 2 == 0 ? two.store() : one.store();
    const Record record = MakeRecord("default", std::to_string(n / 3));
    const auto written = n % 3 == 0   ? writer.Create(record, kAuthor)
                         : n % 3 == 1 ? writer.Update(record, {}, kAuthor)
                                      : writer.Delete(record.key, {}, kAuthor);
    ASSERT_TRUE(written.ok()) << written.error().message;
    const auto read = reader.Get(record.key);
    EXPECT_EQ(read.ok(), n % 3 != 2) << n;
    const auto mine = writer.Get(record.key);
    EXPECT_EQ(mine.ok(), read.ok()) << n;
    EXPECT_EQ(read.ok() ? read->revision : Revision(0), mine.ok() ? mine->revision : Revision(0));
    const auto page = reader.List({"asyncactors", "default", {}, 0, {}, {}});
    ASSERT_TRUE(page.ok());
    EXPECT_EQ(page->items.size(), static_cast<std::size_t>(n % 3 == 2 ? 0 : 1)) << n;
  }
  done = true;
  noise.join();
}

TEST_F(PostgresObjectStore, InstancesThatCreateTheSameObjectAgreeOnOne) {
  const PostgresSchema schema;
  Instance one(schema);
  Instance two(schema);
  for (int n = 0; n < 30; ++n) {
    Status other = Ok();
    std::thread thread([&] {
      auto created = two.store().Create(MakeRecord("default", std::to_string(n)), kAuthor);
      if (!created.ok()) other = created.error();
    });
    const auto mine = one.store().Create(MakeRecord("default", std::to_string(n)), kAuthor);
    thread.join();
    EXPECT_NE(mine.ok(), other.ok());
    EXPECT_EQ(mine.ok() ? other.error().code : mine.error().code, ErrorCode::kExists);
  }
}

TEST_F(PostgresObjectStore, InstancesThatUpdateCrosswiseDoNotBlockEachOther) {
  const PostgresSchema schema;
  Instance one(schema);
  Instance two(schema);
  constexpr int kNames = 8;
  for (int n = 0; n < kNames; ++n) {
    ASSERT_TRUE(one.store().Create(MakeRecord("default", std::to_string(n)), kAuthor).ok());
  }
  std::vector<std::thread> writers;
  for (Instance* instance : {&one, &two}) {
    for (int w = 0; w < 3; ++w) {
      writers.emplace_back([instance, w] {
        for (int n = 0; n < 60; ++n) {
          const std::string name = std::to_string(w % 2 == 0 ? n % kNames : kNames - 1 - n % kNames);
          const auto updated = instance->store().Update(MakeRecord("default", name), {}, kAuthor);
          EXPECT_TRUE(updated.ok()) << updated.error().message;
        }
      });
    }
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(one.store().Head()->get(), 1 + kNames + 2 * 3 * 60);
}

TEST_F(PostgresObjectStore, AWriteInABatchThatCannotBeStoredHurtsNobodyElse) {
  const PostgresSchema schema;
  Instance instance(schema);
  std::vector<std::thread> writers;
  for (int w = 0; w < 6; ++w) {
    writers.emplace_back([&, w] {
      for (int n = 0; n < 15; ++n) {
        Record record = MakeRecord(std::to_string(w), std::to_string(n));
        const bool bad = w == 0;
        if (bad) record.json = std::make_shared<const std::string>("a\0b", 3);
        const auto created = instance.store().Create(record, kAuthor);
        EXPECT_EQ(created.ok(), !bad);
      }
    });
  }
  for (auto& writer : writers) writer.join();
}

TEST_F(PostgresObjectStore, TheStatementsOfABatchArePlannedOnce) {
  constexpr int kBatches = 20;
  const PostgresSchema schema;
  auto settings = schema.settings();
  settings.connections = 1;
  settings.fixed_plans = true;
  const auto database = sql::postgres::Database::Open(settings, Migrations()).value();
  for (int n = 0; n < kBatches; ++n) {
    std::vector<ChangePointer> batch;
    for (int i = 0; i <= n % 3; ++i) {
      batch.push_back(std::make_shared<Change>());
      batch.back()->record = MakeRecord(std::to_string(n), std::to_string(i));
    }
    ASSERT_TRUE(CommitBatch(*database, batch, RealClock().Now(), {}).ok());
  }
  const auto plans = database->Query(
      "SELECT count(*), sum(custom_plans), sum(generic_plans) FROM pg_prepared_statements "
      "WHERE statement LIKE '%unnest(%' AND statement NOT LIKE '%custom_plans%'",
      {});
  ASSERT_TRUE(plans.ok()) << plans.error().message;
  EXPECT_EQ(plans->Int(0, 0), 2);
  EXPECT_EQ(plans->Int(0, 1), 0);
  EXPECT_EQ(plans->Int(0, 2), 2 * kBatches);
}

TEST_F(PostgresObjectStore, AWatchGoesOnAfterAllConnectionsWereCut) {
  const PostgresSchema schema;
  Instance instance(schema);
  const auto sink = std::make_shared<RecordingSink>();
  const auto watch = instance.store().Watch({"asyncactors", std::nullopt}, Revision(1), sink);
  ASSERT_TRUE(instance.store().Create(MakeRecord("default", "before"), kAuthor).ok());
  ASSERT_EQ(sink->WaitForEvents(1).size(), 1U);
  Instance other(schema);
  const Status cut = other.database().Write([](sql::postgres::Transaction& transaction) -> Status {
    ASYA_TRY(const auto rows,
             transaction.Execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                                 "AND application_name = current_setting('application_name')"));
    return Ok();
  });
  ASSERT_TRUE(cut.ok()) << cut.error().message;
  ASSERT_TRUE(other.store().Create(MakeRecord("default", "after"), kAuthor).ok());
  EXPECT_EQ(sink->WaitForEvents(2).size(), 2U);
}

TEST_F(PostgresObjectStore, CompactOldKeepsTheYoungAndTheLast) {
  const PostgresSchema schema;
  const auto database = sql::postgres::Database::Open(schema.settings(), Migrations()).value();
  FakeClock clock;
  ObjectStoreSettings settings;
  settings.events_kept_min = 3;
  ObjectStore store(*database, clock, settings);
  ASSERT_TRUE(store.Start().ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(store.Create(MakeRecord("default", std::to_string(i)), kAuthor).ok());
  const auto opens = [&](std::int64_t from) {
    return store.Watch({"asyncactors", std::nullopt}, Revision(from), std::make_shared<RecordingSink>()).ok();
  };
  ASSERT_TRUE(store.CompactOld().ok());
  EXPECT_TRUE(opens(1)) << "all events are young";
  clock.Advance(std::chrono::minutes(6));
  ASSERT_TRUE(store.CompactOld().ok());
  EXPECT_FALSE(opens(7));
  EXPECT_TRUE(opens(8)) << "the last three stay, however old";
}

TEST_F(PostgresObjectStore, HistoryIsBoundedPerObjectAndInAll) {
  const PostgresSchema schema;
  const auto database = sql::postgres::Database::Open(schema.settings(), Migrations()).value();
  ObjectStoreSettings settings;
  settings.history = {3, 10};
  ObjectStore store(*database, RealClock(), settings);
  ASSERT_TRUE(store.Start().ok());
  ASSERT_TRUE(store.Create(MakeRecord("default", "a"), kAuthor).ok());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store.Update(MakeRecord("default", "a"), {}, kAuthor).ok());
  ASSERT_TRUE(store.Create(MakeRecord("default", "b"), kAuthor).ok());
  EXPECT_EQ(*store.DropOldHistory(), 3) << "all over three of one object";
  const auto kept = store.History({MakeRecord("default", "a").key, {}, {}, {}, 10});
  ASSERT_EQ(kept->size(), 3U);
  EXPECT_EQ(kept->front().revision.get(), store.Head()->get() - 1) << "the newest stay";
  EXPECT_EQ(store.History({MakeRecord("default", "b").key, {}, {}, {}, 10})->size(), 1U);
  EXPECT_EQ(*store.DropOldHistory(), 0);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(store.Create(MakeRecord("default", "n" + std::to_string(i)), kAuthor).ok());
  EXPECT_EQ(*store.DropOldHistory(), 2) << "all over ten, the oldest first";
  EXPECT_EQ(store.History({MakeRecord("default", "a").key, {}, {}, {}, 10})->size(), 1U);
}

TEST_F(PostgresObjectStore, HistoryIsBoundedByAge) {
  const PostgresSchema schema;
  const auto database = sql::postgres::Database::Open(schema.settings(), Migrations()).value();
  FakeClock clock;
  ObjectStoreSettings settings;
  settings.history.age_max = std::chrono::hours(10);
  ObjectStore store(*database, clock, settings);
  ASSERT_TRUE(store.Start().ok());
  const auto pass = [&](int hours) { clock.Advance(std::chrono::hours(hours)); };
  const auto verbs = [&](const char* name) {
    std::string all;
    const auto entries = store.History({MakeRecord("default", name).key, {}, {}, {}, 10});
    for (const auto& entry : *entries) {
      all += entry.author.verb.substr(0, 1);
    }
    return all;
  };
  for (const char* name : {"kept", "changed", "gone"}) {
    ASSERT_TRUE(store.Create(MakeRecord("default", name), {"ada", "", "create"}).ok());
  }
  pass(5);
  ASSERT_TRUE(store.Update(MakeRecord("default", "changed"), {}, {"ada", "", "update"}).ok());
  ASSERT_TRUE(store.Delete(MakeRecord("default", "gone").key, {}, {"ada", "", "delete"}).ok());
  pass(6);
  EXPECT_EQ(*store.DropOldHistory(), 0) << "ten hours ago the first state of all three was live";
  pass(5);
  EXPECT_EQ(*store.DropOldHistory(), 3);
  EXPECT_EQ(verbs("kept"), "c") << "it is still live";
  EXPECT_EQ(verbs("changed"), "u");
  EXPECT_EQ(verbs("gone"), "");
  EXPECT_EQ(*store.DropOldHistory(), 0);
}

}  // namespace

using conformance::ObjectStoreImplementation;
using conformance::ObjectStoreSuite;

std::vector<ObjectStoreImplementation> Implementations() {
  const std::string missing = PostgresSchema::Address() ? "" : "needs a server: run under tools/postgres run";
  const auto with = [](std::size_t mirror_bytes) {
    return [mirror_bytes](const BroadcasterSettings& settings) {
      return std::make_unique<Harness>(settings, mirror_bytes);
    };
  };
  // The last outgrows its mirror at once.
  return {{"Mirrored", with(kMirrorBytes), missing},
          {"Unmirrored", with(0), missing},
          {"TooLargeToMirror", with(600), missing}};
}

INSTANTIATE_TEST_SUITE_P(Postgres, ObjectStoreSuite, testing::ValuesIn(Implementations()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace asya::storage::postgres
