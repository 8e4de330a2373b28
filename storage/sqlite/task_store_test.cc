#include "storage/sqlite/task_store.h"

#include <future>

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

// What the store remembers of a task must not outlive a write that was undone.
TEST(SqliteTaskStore, AReportThatIsUndoneWithItsCommitIsAppliedOnce) {
  const conformance::TemporaryFolder folder;
  const auto database = OpenDatabase(folder.File("store.db"));
  const Enqueue enqueue = [](Transaction& transaction, const ports::FirstMessage& message) -> Status {
    ASYA_TRY_STATUS(transaction.Execute("CREATE TABLE IF NOT EXISTS sent(body TEXT)"));
    return message.queue == "none" ? Status(Fail(ErrorCode::kUnroutable, "no queue")) : Ok();
  };
  TaskStore store(*database, RealClock(), enqueue);
  ASSERT_TRUE(store.Start().ok());
  ports::Task task;
  task.id = "t1";
  ASSERT_TRUE(store.Create(task, {"q", ""}, {}).ok());
  std::promise<void> held;
  ASSERT_TRUE(
      database->Submit([&](Transaction&) { return held.get_future().wait(), Ok(); }, [](const Status&) {}).ok());
  ports::TaskReport report;
  report.task_id = "t1";
  report.progress = 0.5;
  report.hop_json = R"({"work_ms":1})";
  std::promise<Status> reported;
  store.ReportThen({report}, [&](Status status) { reported.set_value(std::move(status)); });
  task.id = "t2";
  std::promise<Status> refused;
  store.CreateThen(task, {"none", ""}, {}, [&](const Result<ports::Task>& made) { refused.set_value(made.error()); });
  held.set_value();
  EXPECT_EQ(refused.get_future().get().error().code, ErrorCode::kUnroutable);
  ASSERT_TRUE(reported.get_future().get().ok());
  ASSERT_TRUE(store.Report({report}).ok());
  // As the file has it, and as the store remembers it.
  TaskStore other(*database, RealClock(), enqueue);
  ASSERT_TRUE(other.Start().ok());
  for (TaskStore* const each : {&store, &other}) {
    EXPECT_EQ(each->Get("t1")->status, ports::TaskStatus::kRunning);
    EXPECT_DOUBLE_EQ(each->Get("t1")->progress, 0.5);
    EXPECT_EQ(each->Events("t1", 0)->size(), 2U);
    EXPECT_FALSE(each->Get("t2").ok());
  }
}

// What is remembered is what is stored.
TEST(SqliteTaskStore, ATaskLooksTheSameFromMemoryAndFromTheFile) {
  const conformance::TemporaryFolder folder;
  const auto database = OpenDatabase(folder.File("store.db"));
  const Enqueue drop = [](Transaction&, const ports::FirstMessage&) { return Ok(); };
  TaskStore store(*database, RealClock(), drop);
  TaskStore other(*database, RealClock(), drop);
  ASSERT_TRUE(store.Start().ok());
  ASSERT_TRUE(other.Start().ok());
  ports::Task task;
  task.id = "t1";
  task.namespace_ = "default";
  task.actor = task.current_actor = "prep";
  task.payload_json = R"({"n":1})";
  task.headers_json = R"({"k":"v"})";
  task.deadline_at = RealClock().Now() + std::chrono::hours(1);
  ASSERT_TRUE(store.Create(task, {"q", ""}, {}).ok());
  ports::TaskReport report;
  report.task_id = "t1";
  const auto tell = [&](double progress, const std::string& actor, const std::string& hop) {
    report.progress = progress;
    report.current_actor = actor;
    report.hop_json = hop;
    ASSERT_TRUE(store.Report({report}).ok());
    const auto remembered = store.View("t1").value();
    const auto stored = other.View("t1").value();
    EXPECT_EQ(remembered.task.status, stored.task.status);
    EXPECT_EQ(remembered.task.progress, stored.task.progress);
    EXPECT_EQ(remembered.task.current_actor, stored.task.current_actor);
    EXPECT_EQ(remembered.task.reason, stored.task.reason);
    EXPECT_EQ(remembered.task.version, stored.task.version);
    EXPECT_EQ(remembered.task.created_at, stored.task.created_at);
    EXPECT_EQ(remembered.task.updated_at, stored.task.updated_at);
    EXPECT_EQ(remembered.task.deadline_at, stored.task.deadline_at);
    EXPECT_EQ(remembered.task.payload_json, stored.task.payload_json);
    EXPECT_EQ(remembered.task.headers_json, stored.task.headers_json);
    EXPECT_EQ(remembered.task.result_json, stored.task.result_json);
    EXPECT_EQ(remembered.task.error_json, stored.task.error_json);
    ASSERT_EQ(remembered.events.size(), stored.events.size());
    for (std::size_t i = 0; i < stored.events.size(); ++i) {
      EXPECT_EQ(remembered.events[i].sequence, stored.events[i].sequence);
      EXPECT_EQ(remembered.events[i].at, stored.events[i].at);
      EXPECT_EQ(remembered.events[i].type, stored.events[i].type);
      EXPECT_EQ(remembered.events[i].data_json, stored.events[i].data_json);
    }
  };
  tell(0.3333333, "prep", "");
  tell(0.2, "late", R"({"work_ms":1})");
  tell(0.5, "", R"({"work_ms":2})");
  report.status = ports::TaskStatus::kFailed;
  report.reason = "RuntimeError";
  report.error_json = R"({"type":"X"})";
  tell(0.4, "ocr", R"({"work_ms":3})");
  report = {};
  report.task_id = "t1";
  tell(0.9, "ocr", R"({"work_ms":4})");
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
