#include "storage/postgres/task_store.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "storage/conformance/task_store_suite.h"
#include "storage/postgres/schema.h"
#include "tests/support/postgres_schema.h"

namespace asya::storage::postgres {
namespace {

using sql::postgres::Database;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;
using tests::PostgresSchema;

std::unique_ptr<Database> OpenDatabase(const PostgresSchema& schema) {
  auto migrations = Migrations();
  migrations.push_back({"test", 1, "CREATE TABLE sent(sequence bigserial PRIMARY KEY, body text)"});
  return Database::Open(schema.settings(), migrations).value();
}

Status PutMessage(Transaction& transaction, const ports::FirstMessage& message) {
  // The message is written first, so that a refusal shows whether it is rolled back.
  ASYA_TRY(const Rows rows, transaction.Execute("INSERT INTO sent(body) VALUES($1)", Parameters().Add(message.body)));
  if (message.queue == conformance::kMissingQueue) return Fail(ErrorCode::kUnroutable, "no queue");
  return Ok();
}

class Harness final : public conformance::TaskStoreHarness {
 public:
  explicit Harness(const TaskRetention& retention)
      : database_(OpenDatabase(schema_)), store_(*database_, RealClock(), PutMessage, retention) {
    store_.Start();
  }
  ports::TaskStore& store() override { return store_; }
  Result<std::int64_t> DropOld(WallTime now) override { return store_.DropOld(now); }
  Result<std::int64_t> DropOldDeadLetters(WallTime now) override { return store_.DropOldDeadLetters(now); }
  std::vector<std::string> Sent() override {
    std::vector<std::string> bodies;
    const Status read = database_->Read([&](Transaction& transaction) -> Status {
      ASYA_TRY(const Rows rows, transaction.Execute("SELECT body FROM sent ORDER BY sequence"));
      for (std::size_t row = 0; row < rows.size(); ++row) bodies.push_back(rows.Text(row, 0));
      return Ok();
    });
    EXPECT_TRUE(read.ok());
    return bodies;
  }

 private:
  PostgresSchema schema_;
  std::unique_ptr<Database> database_;
  TaskStore store_;
};

class PostgresTaskStore : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  }
};

TEST_F(PostgresTaskStore, SubscribersOfAnotherProcessAreTold) {
  const PostgresSchema schema;
  const auto here_database = OpenDatabase(schema);
  const auto there_database = OpenDatabase(schema);
  TaskStore here(*here_database, RealClock(), PutMessage);
  TaskStore there(*there_database, RealClock(), PutMessage);
  here.Start();
  there.Start();
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t told = 0;
  const auto subscription = there.Subscribe([&](const ports::TaskChange&) {
    const std::lock_guard lock(mutex);
    ++told;
    changed.notify_all();
  });
  // Until the listener stands, hints are lost: repeat until one came through.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (int n = 0; std::chrono::steady_clock::now() < deadline; ++n) {
    ports::Task task;
    task.id = "t" + std::to_string(n);
    ASSERT_TRUE(here.Create(task, {"q", "b"}, std::nullopt).ok());
    std::unique_lock lock(mutex);
    if (changed.wait_for(lock, std::chrono::milliseconds(50), [&] { return told > 0; })) break;
  }
  const std::lock_guard lock(mutex);
  EXPECT_GT(told, 0U);
}

TEST_F(PostgresTaskStore, ReportsOfManyProcessesOnTheSameTasksAllCount) {
  const PostgresSchema schema;
  constexpr int kTasks = 12;
  constexpr int kReporters = 4;
  const auto database = OpenDatabase(schema);
  TaskStore store(*database, RealClock(), PutMessage);
  for (int n = 0; n < kTasks; ++n) {
    ports::Task task;
    task.id = "t" + std::to_string(n);
    ASSERT_TRUE(store.Create(task, {"q", "b"}, std::nullopt).ok());
  }
  std::vector<std::thread> reporters;
  for (int r = 0; r < kReporters; ++r) {
    reporters.emplace_back([&, r] {
      TaskStore own(*database, RealClock(), PutMessage);
      for (int round = 0; round < 10; ++round) {
        std::vector<ports::TaskReport> reports;
        for (int n = 0; n < kTasks; ++n) {
          ports::TaskReport report;
          report.task_id = "t" + std::to_string(r % 2 == 0 ? n : kTasks - 1 - n);
          report.hop_json = "{\"n\":" + std::to_string(r * 100 + round) + "}";
          reports.push_back(report);
        }
        const Status reported = own.Report(reports);
        EXPECT_TRUE(reported.ok()) << reported.error().message;
      }
    });
  }
  for (auto& reporter : reporters) reporter.join();
  for (int n = 0; n < kTasks; ++n) {
    EXPECT_EQ(store.Events("t" + std::to_string(n), 0)->size(), 1U + kReporters * 10U);
  }
}

}  // namespace

using conformance::TaskStoreImplementation;
using conformance::TaskStoreSuite;

std::vector<TaskStoreImplementation> TaskStoreImplementations() {
  return {{"Postgres", [](const TaskRetention& retention) { return std::make_unique<Harness>(retention); },
           PostgresSchema::Address() ? "" : "needs a server: run under tools/postgres run"}};
}

INSTANTIATE_TEST_SUITE_P(Postgres, TaskStoreSuite, testing::ValuesIn(TaskStoreImplementations()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace asya::storage::postgres
