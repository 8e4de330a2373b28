// A PostgreSQL whose backends end in the middle of writes loses nothing that it had acknowledged, and the log keeps its
// order.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "storage/conformance/object_store_suite.h"
#include "storage/postgres/object_store.h"
#include "storage/postgres/schema.h"
#include "tests/support/postgres_schema.h"

namespace asya::storage::postgres {
namespace {

using ports::Record;
using ports::Revision;
using tests::PostgresSchema;

constexpr int kWriters = 3;
constexpr int kNames = 5;

struct Written {
  int generation = -1;
  std::int64_t revision = 0;
};
using Acknowledged = std::map<ports::ObjectKey, Written>;

Record MakeRecord(int writer, int name, int generation) {
  Record record;
  record.key = {"asyncactors", "w" + std::to_string(writer), "n" + std::to_string(name)};
  record.json =
      std::make_shared<const std::string>(R"({"metadata":{},"generation":)" + std::to_string(generation) + "}");
  return record;
}

int GenerationOf(const Record& record) { return std::stoi(record.json->substr(record.json->rfind(':') + 1)); }

Result<Record> WriteOnce(ObjectStore& store, int writer, int i) {
  const Record record = MakeRecord(writer, i % kNames, i / kNames);
  auto created =
      i < kNames ? store.Create(record, conformance::kAuthor) : store.Update(record, {}, conformance::kAuthor);
  // What was cut off before may have happened.
  if (!created.ok() && created.error().code == ErrorCode::kExists)
    return store.Update(record, {}, conformance::kAuthor);
  return created;
}

// Every acknowledged write is there, or a later one of its object; the log holds each object's writes in order.
void Check(const PostgresSchema& schema, const Acknowledged& acknowledged) {
  const auto database = sql::postgres::Database::Open(schema.settings(), Migrations()).value();
  ObjectStore store(*database, RealClock());
  ASSERT_TRUE(store.Start().ok());
  for (const auto& [key, written] : acknowledged) {
    const auto stored = store.Get(key);
    ASSERT_TRUE(stored.ok()) << stored.error().message;
    EXPECT_GE(stored->revision.get(), written.revision);
    EXPECT_GE(GenerationOf(*stored), written.generation);
  }
  const auto sink = std::make_shared<conformance::RecordingSink>();
  const auto watch = store.Watch({"asyncactors", std::nullopt}, Revision(1), sink);
  std::size_t events = 0;
  ASSERT_TRUE(database
                  ->Read([&](sql::postgres::Transaction& transaction) -> Status {
                    ASYA_TRY(const auto rows, transaction.Execute("SELECT count(*) FROM events"));
                    events = static_cast<std::size_t>(rows.Int(0, 0));
                    return Ok();
                  })
                  .ok());
  const auto seen = sink->WaitForEvents(events);
  ASSERT_EQ(seen.size(), events);
  std::map<ports::ObjectKey, int> last;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (i > 0) {
      EXPECT_GT(seen[i].record.revision, seen[i - 1].record.revision);
    }
    const int generation = GenerationOf(seen[i].record);
    const auto [place, is_new] = last.emplace(seen[i].record.key, generation);
    if (!is_new) {
      EXPECT_LE(place->second, generation);
    }
    place->second = generation;
  }
}

class PostgresCrash : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  }
};

// The backends of the store under test are ended in the middle of its writes, again and again. That every process of
// the server dies at once, by kill -9, is in tests/crash: this server serves other tests.
TEST_F(PostgresCrash, KilledBackendsLoseNothingAcknowledged) {
  constexpr int kCuts = 15;
  constexpr int kWritesBetween = 20;
  const PostgresSchema schema;
  const auto database = sql::postgres::Database::Open(schema.settings(), Migrations()).value();
  ObjectStore store(*database, RealClock());
  ASSERT_TRUE(store.Start().ok());
  auto own = schema.settings();
  own.application_name = "asya_terminator";
  const auto terminator = sql::postgres::Database::Open(own, {}).value();
  std::mutex mutex;
  Acknowledged acknowledged;
  std::atomic<int> writes{0};
  std::atomic<int> failed{0};
  std::atomic<bool> running{true};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; running; ++i) {
        const auto written = WriteOnce(store, writer, i);
        ++writes;
        if (!written.ok()) {
          ++failed;
          EXPECT_TRUE(written.error().code == ErrorCode::kUnavailable || written.error().code == ErrorCode::kTimeout ||
                      written.error().code == ErrorCode::kNotFound)
              << written.error().message;
          continue;
        }
        const std::lock_guard lock(mutex);
        acknowledged[written->key] = {i / kNames, written->revision.get()};
      }
    });
  }
  for (int cut = 1; cut <= kCuts; ++cut) {
    while (writes < cut * kWritesBetween) std::this_thread::yield();
    const auto ended =
        terminator->Query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1",
                          sql::postgres::Parameters().Add(schema.settings().application_name));
    EXPECT_TRUE(ended.ok()) << ended.error().message;
  }
  running = false;
  for (auto& writer : writers) writer.join();
  EXPECT_GT(writes, failed);
  Check(schema, acknowledged);
}

}  // namespace
}  // namespace asya::storage::postgres
