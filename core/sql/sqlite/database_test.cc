// The Database on real files: jobs, group commit, snapshots, migrations, ownership.
#include "core/sql/sqlite/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <latch>

namespace asya::sql::sqlite {
namespace {

using ::testing::HasSubstr;

class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "asya-sqlite-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    settings_.path = folder_ + "/test.db";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Database> Open() {
    auto opened = Database::Open(settings_, migrations_);
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
    return std::move(opened).value();
  }
  static Database::Job Insert(std::int64_t id) {
    return [id](Transaction& transaction) -> Status {
      ASYA_TRY(Statement* const insert, transaction.Prepare("INSERT INTO items(id, body) VALUES(?, ?)"));
      return insert->Bind(1, id).BindBlob(2, "body").Run();
    };
  }
  static std::int64_t Count(Database& database) {
    std::int64_t count = -1;
    const Status status = database.Read([&](Transaction& transaction) -> Status {
      ASYA_TRY(Statement* const rows, transaction.Prepare("SELECT count(*) FROM items"));
      ASYA_TRY(const bool row, rows->Step());
      EXPECT_TRUE(row);
      count = rows->Int(0);
      return Ok();
    });
    EXPECT_TRUE(status.ok());
    return count;
  }

  std::string folder_;
  Settings settings_;
  std::vector<Migration> migrations_{
      Migration{"test", 1, "CREATE TABLE items(id INTEGER PRIMARY KEY, body BLOB) STRICT"}};
};

TEST_F(DatabaseTest, WritesAreThereAfterReopening) {
  Open()->Write(Insert(1)).value();
  EXPECT_EQ(Count(*Open()), 1);
}

TEST_F(DatabaseTest, BindsAndReadsEveryType) {
  auto database = Open();
  const std::string bytes("a\0b", 3);
  const Status status = database->Read([&](Transaction& transaction) -> Status {
    ASYA_TRY(Statement* const rows, transaction.Prepare("SELECT ?1, ?2, ?3, ?4, ?5"));
    rows->Bind(1, std::int64_t{1} << 60).Bind(2, "text").BindBlob(3, bytes).BindNull(4).BindBlob(5, {});
    ASYA_TRY(const bool row, rows->Step());
    EXPECT_TRUE(row);
    EXPECT_EQ(rows->Int(0), std::int64_t{1} << 60);
    EXPECT_EQ(rows->Text(1), "text");
    EXPECT_EQ(rows->View(2), bytes);
    EXPECT_TRUE(rows->IsNull(3));
    EXPECT_FALSE(rows->IsNull(4));
    return Ok();
  });
  EXPECT_TRUE(status.ok());
}

TEST_F(DatabaseTest, ABindOutOfRangeIsAnError) {
  auto database = Open();
  const Status status = database->Read([&](Transaction& transaction) -> Status {
    ASYA_TRY(Statement* const rows, transaction.Prepare("SELECT ?"));
    return rows->Bind(2, 1).Run();
  });
  EXPECT_FALSE(status.ok());
}

TEST_F(DatabaseTest, JobsThatWaitTogetherShareACommit) {
  auto database = Open();
  std::atomic<int> commits{0};
  database->OnCommit([&] { ++commits; });
  std::promise<void> gate;
  std::latch finished(101);
  auto blocker = [opened = gate.get_future().share()](Transaction&) -> Status {
    opened.wait();
    return Ok();
  };
  auto done = [&](const Status& status) {
    EXPECT_TRUE(status.ok());
    finished.count_down();
  };
  ASSERT_TRUE(database->Submit(blocker, done).ok());
  for (std::int64_t id = 1; id <= 100; ++id) ASSERT_TRUE(database->Submit(Insert(id), done).ok());
  gate.set_value();
  finished.wait();
  EXPECT_EQ(Count(*database), 100);
  // The blocker changed nothing, so its commit is not reported; it may have shared its batch with the first jobs.
  EXPECT_LE(commits.load(), 2);
  EXPECT_GE(commits.load(), 1);
}

TEST_F(DatabaseTest, AFailedJobIsRolledBackAlone) {
  auto database = Open();
  std::promise<void> gate;
  std::latch finished(4);
  std::vector<Status> outcomes(4, Ok());
  auto note = [&](std::size_t index) {
    return [&, index](const Status& status) {
      outcomes[index] = status;
      finished.count_down();
    };
  };
  auto blocker = [opened = gate.get_future().share()](Transaction&) -> Status {
    opened.wait();
    return Ok();
  };
  auto half = [](Transaction& transaction) -> Status {
    ASYA_TRY_STATUS(transaction.Execute("INSERT INTO items(id) VALUES(50)"));
    return Fail(ErrorCode::kConflict, "changed my mind");
  };
  ASSERT_TRUE(database->Submit(blocker, note(0)).ok());
  ASSERT_TRUE(database->Submit(Insert(1), note(1)).ok());
  ASSERT_TRUE(database->Submit(half, note(2)).ok());
  ASSERT_TRUE(database->Submit(Insert(1), note(3)).ok());
  gate.set_value();
  finished.wait();
  EXPECT_TRUE(outcomes[1].ok());
  EXPECT_EQ(outcomes[2].error().code, ErrorCode::kConflict);
  EXPECT_EQ(outcomes[3].error().code, ErrorCode::kExists);
  EXPECT_EQ(Count(*database), 1);
}

TEST_F(DatabaseTest, OnlyAJobThatFailedHalfDoneMakesItsBatchRunAgain) {
  auto database = Open();
  std::promise<void> gate;
  int runs = 0;
  auto blocker = [&runs, opened = gate.get_future().share()](Transaction& transaction) -> Status {
    ++runs;
    opened.wait();
    return Insert(1)(transaction);
  };
  auto clean = [](Transaction&) -> Status { return Fail(ErrorCode::kConflict, "wrote nothing"); };
  ASSERT_TRUE(database->Submit(blocker, {}).ok());
  ASSERT_TRUE(database->Submit(clean, {}).ok());
  ASSERT_TRUE(database->Submit(Insert(2), {}).ok());
  gate.set_value();
  database->Stop();
  EXPECT_EQ(runs, 1);
}

TEST_F(DatabaseTest, AFailedJobAloneInItsBatchIsRolledBack) {
  auto database = Open();
  const Status status = database->Write([](Transaction& transaction) -> Status {
    ASYA_TRY_STATUS(transaction.Execute("INSERT INTO items(id) VALUES(50)"));
    return Fail(ErrorCode::kConflict, "changed my mind");
  });
  EXPECT_EQ(status.error().code, ErrorCode::kConflict);
  EXPECT_EQ(Count(*database), 0);
  EXPECT_TRUE(database->Write(Insert(1)).ok());
}

TEST_F(DatabaseTest, AThrowingJobFailsAlone) {
  auto database = Open();
  const Status status = database->Write([](Transaction&) -> Status { throw std::runtime_error("boom"); });
  EXPECT_EQ(status.error().code, ErrorCode::kInternal);
  EXPECT_TRUE(database->Write(Insert(1)).ok());
}

TEST_F(DatabaseTest, AFullQueueRefuses) {
  settings_.write_queue_limit = 2;
  auto database = Open();
  std::promise<void> gate;
  std::promise<void> running;
  auto blocker = [&, opened = gate.get_future().share()](Transaction&) -> Status {
    running.set_value();
    opened.wait();
    return Ok();
  };
  ASSERT_TRUE(database->Submit(blocker, {}).ok());
  running.get_future().wait();
  EXPECT_TRUE(database->Submit(Insert(1), {}).ok());
  EXPECT_TRUE(database->Submit(Insert(2), {}).ok());
  EXPECT_EQ(database->Submit(Insert(3), {}).error().code, ErrorCode::kTooMany);
  gate.set_value();
  EXPECT_TRUE(database->Write(Insert(4)).ok());
  EXPECT_EQ(Count(*database), 3);
}

TEST_F(DatabaseTest, AReadSeesOneSnapshot) {
  auto database = Open();
  database->Write(Insert(1)).value();
  const Status status = database->Read([&](Transaction& transaction) -> Status {
    auto count = [&]() -> Result<std::int64_t> {
      ASYA_TRY(Statement* const rows, transaction.Prepare("SELECT count(*) FROM items"));
      ASYA_TRY(const bool row, rows->Step());
      return row ? rows->Int(0) : -1;
    };
    ASYA_TRY(const std::int64_t before, count());
    ASYA_TRY_STATUS(database->Write(Insert(2)));
    ASYA_TRY(const std::int64_t after, count());
    EXPECT_EQ(before, 1);
    EXPECT_EQ(after, 1);
    return Ok();
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(Count(*database), 2);
}

TEST_F(DatabaseTest, AReadCannotWrite) {
  auto database = Open();
  EXPECT_FALSE(database->Read(Insert(1)).ok());
  EXPECT_EQ(Count(*database), 0);
}

TEST_F(DatabaseTest, ActionsAfterCommitRunOnlyForWhatIsCommitted) {
  auto database = Open();
  std::vector<std::string> seen;
  auto job = [&](std::int64_t id) {
    return [&, id](Transaction& transaction) -> Status {
      transaction.AfterCommit([&, id] { seen.push_back("after " + std::to_string(id)); });
      return Insert(id)(transaction);
    };
  };
  ASSERT_TRUE(database->Submit(job(1), [&](const Status&) { seen.push_back("done 1"); }).ok());
  ASSERT_TRUE(database->Submit(job(1), {}).ok());
  ASSERT_TRUE(database->Submit(job(2), {}).ok());
  database->Stop();
  EXPECT_THAT(seen, ::testing::UnorderedElementsAre("after 1", "done 1", "after 2"));
  EXPECT_EQ(seen[0], "after 1");
}

TEST_F(DatabaseTest, AReaderOfItsOwnDoesNotWaitForThePool) {
  settings_.readers = 1;
  auto database = Open();
  auto reader = database->NewReader();
  const Status status = database->Read([&](Transaction&) -> Status {
    return reader->Read([](Transaction& transaction) -> Status {
      ASYA_TRY(Statement* const rows, transaction.Prepare("SELECT count(*) FROM items"));
      return rows->Run();
    });
  });
  EXPECT_TRUE(status.ok());
}

TEST_F(DatabaseTest, StopFinishesWhatWaits) {
  auto database = Open();
  std::atomic<int> finished{0};
  for (std::int64_t id = 1; id <= 50; ++id) {
    ASSERT_TRUE(database->Submit(Insert(id), [&](const Status& status) { finished += status.ok() ? 1 : 0; }).ok());
  }
  database->Stop();
  EXPECT_EQ(finished.load(), 50);
  EXPECT_EQ(database->Submit(Insert(51), {}).error().code, ErrorCode::kClosed);
  EXPECT_EQ(database->Write(Insert(51)).error().code, ErrorCode::kClosed);
  EXPECT_EQ(database->Read(Insert(51)).error().code, ErrorCode::kClosed);
  EXPECT_EQ(Count(*Open()), 50);
}

TEST_F(DatabaseTest, ASecondOwnerIsRefused) {
  auto database = Open();
  auto second = Database::Open(settings_, migrations_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr(settings_.path));
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(getpid())));
  database->Stop();
  EXPECT_TRUE(Database::Open(settings_, migrations_).ok());
}

TEST_F(DatabaseTest, MigratesForwardOnceAndRefusesANewerFile) {
  Open()->Write(Insert(1)).value();
  const auto old = migrations_;
  migrations_.push_back(
      Migration{"test", 2, "ALTER TABLE items ADD COLUMN extra TEXT; CREATE TABLE more(id INTEGER) STRICT"});
  migrations_.push_back(Migration{"other", 1, "CREATE TABLE others(id INTEGER) STRICT"});
  EXPECT_EQ(Count(*Open()), 1);
  EXPECT_EQ(Count(*Open()), 1);
  auto older = Database::Open(settings_, old);
  ASSERT_FALSE(older.ok());
  EXPECT_EQ(older.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(older.error().message, HasSubstr("version 2"));
  EXPECT_THAT(older.error().message, HasSubstr(settings_.path));
}

TEST_F(DatabaseTest, AFailedMigrationLeavesTheVersionBefore) {
  Open()->Stop();
  auto broken = migrations_;
  broken.push_back(Migration{"test", 2, "CREATE TABLE half(id INTEGER) STRICT; CREATE NONSENSE"});
  EXPECT_FALSE(Database::Open(settings_, broken).ok());
  broken.back().sql = "CREATE TABLE half(id INTEGER) STRICT";
  EXPECT_TRUE(Database::Open(settings_, broken).ok());
}

}  // namespace
}  // namespace asya::sql::sqlite
