#include "storage/sqlite/task_store.h"

#include "storage/conformance/task_store_suite.h"
#include "storage/conformance/temporary_folder.h"
#include "storage/sqlite/open_database.h"

namespace asya::storage::sqlite {
namespace {

using sql::sqlite::Transaction;

Status PutMessage(Transaction& transaction, const ports::FirstMessage& message) {
  // The message is written first, so that a refusal shows whether it is rolled back.
  ASYA_TRY(auto* const insert, transaction.Prepare("INSERT INTO sent(body) VALUES(?1)"));
  ASYA_TRY_STATUS(insert->Bind(1, message.body).Run());
  if (message.queue == conformance::kMissingQueue) return Fail(ErrorCode::kUnroutable, "no queue");
  return Ok();
}

class Harness final : public conformance::TaskStoreHarness {
 public:
  explicit Harness(const TaskRetention& retention) : database_(OpenDatabase(folder_.File("store.db"))) {
    EXPECT_TRUE(database_
                    ->Write([](Transaction& transaction) {
                      return transaction.Execute("CREATE TABLE sent(sequence INTEGER PRIMARY KEY, body TEXT)");
                    })
                    .ok());
    TaskStoreSettings settings;
    settings.retention = retention;
    store_ = std::make_unique<TaskStore>(*database_, RealClock(), PutMessage, settings);
    EXPECT_TRUE(store_->Start().ok());
  }
  ports::TaskStore& store() override { return *store_; }
  Result<std::int64_t> DropOld(WallTime now) override { return store_->DropOld(now); }
  Result<std::int64_t> DropOldDeadLetters(WallTime now) override { return store_->DropOldDeadLetters(now); }
  std::vector<std::string> Sent() override {
    std::vector<std::string> bodies;
    const Status read = database_->Read([&](Transaction& transaction) -> Status {
      ASYA_TRY(auto* const row, transaction.Prepare("SELECT body FROM sent ORDER BY sequence"));
      for (;;) {
        ASYA_TRY(const bool found, row->Step());
        if (!found) return Ok();
        bodies.push_back(row->Text(0));
      }
    });
    EXPECT_TRUE(read.ok());
    return bodies;
  }

 private:
  conformance::TemporaryFolder folder_;
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<TaskStore> store_;
};

TEST(SqliteTaskStore, EventNumbersGoOnGrowingAfterAReopen) {
  const conformance::TemporaryFolder folder;
  FakeClock clock;
  const Enqueue drop = [](Transaction&, const ports::FirstMessage&) { return Ok(); };
  ports::Task task;
  task.id = "t1";
  ports::TaskReport report;
  report.task_id = "t1";
  std::int64_t last = 0;
  {
    const auto database = OpenDatabase(folder.File("store.db"));
    TaskStore store(*database, clock, drop);
    ASSERT_TRUE(store.Start().ok());
    ASSERT_TRUE(store.Create(task, {"q", ""}, {}).ok());
    ASSERT_TRUE(store.Report({report}).ok());
    last = store.Events("t1", 0)->back().sequence;
  }
  clock.Advance(-std::chrono::hours(1));  // the clock of the machine was set back
  const auto database = OpenDatabase(folder.File("store.db"));
  TaskStore store(*database, clock, drop);
  ASSERT_TRUE(store.Start().ok());
  report.status = ports::TaskStatus::kSucceeded;
  ASSERT_TRUE(store.Report({report}).ok());
  EXPECT_GT(store.Events("t1", last)->back().sequence, last);
}

}  // namespace

using conformance::TaskStoreImplementation;
using conformance::TaskStoreSuite;

INSTANTIATE_TEST_SUITE_P(Sqlite, TaskStoreSuite,
                         testing::Values(TaskStoreImplementation{
                             "Sqlite",
                             [](const TaskRetention& retention) { return std::make_unique<Harness>(retention); }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace asya::storage::sqlite
