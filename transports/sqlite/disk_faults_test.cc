// The broker on a file that cannot be read or written for a while.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <atomic>
#include <filesystem>

#include "core/base/random.h"
#include "transports/conformance/recorder_suite.h"
#include "transports/sqlite/backlog.h"
#include "transports/sqlite/broker.h"
#include "transports/sqlite/client.h"
#include "transports/sqlite/reactor.h"

namespace asya::transports::sqlite {
namespace {

using conformance::kPatience;
using conformance::Recorder;
using sql::sqlite::Transaction;
using std::chrono::milliseconds;

// A database whose own readers fail, and whose writes do not come to an end, as it is told.
class FaultyDatabase final : public sql::sqlite::Database {
 public:
  explicit FaultyDatabase(std::unique_ptr<Database> inner) : inner_(std::move(inner)) {}
  Status Submit(Job job, Done done) override {
    if (!holds_writes) return inner_->Submit(std::move(job), std::move(done));
    ++held_writes;
    return Ok();
  }
  Status Write(const Job& job) override { return inner_->Write(job); }
  Status Read(const Job& job) override { return inner_->Read(job); }
  std::unique_ptr<sql::sqlite::Reader> NewReader() override {
    return std::make_unique<FaultyReader>(inner_->NewReader(), *this);
  }
  void OnCommit(std::function<void()> hook) override { inner_->OnCommit(std::move(hook)); }
  void Stop() override { inner_->Stop(); }

  std::atomic<bool> refuses_reads = false;
  std::atomic<int> refused_reads = 0;
  std::atomic<bool> holds_writes = false;
  std::atomic<int> held_writes = 0;

 private:
  class FaultyReader final : public sql::sqlite::Reader {
   public:
    FaultyReader(std::unique_ptr<Reader> inner, FaultyDatabase& database)
        : inner_(std::move(inner)), database_(database) {}
    Status Read(const std::function<Status(Transaction&)>& job) override {
      if (!database_.refuses_reads) return inner_->Read(job);
      ++database_.refused_reads;
      return Fail(ErrorCode::kUnavailable, "the disk does not answer");
    }

   private:
    std::unique_ptr<Reader> inner_;
    FaultyDatabase& database_;
  };
  std::unique_ptr<Database> inner_;
};

class DiskFaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "asya-disk-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    auto opened = sql::sqlite::Database::Open({.path = folder_ + "/asya.db"}, Migrations());
    ASSERT_TRUE(opened.ok());
    database_ = std::make_unique<FaultyDatabase>(std::move(*opened));
  }
  void TearDown() override {
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string folder_;
  std::unique_ptr<FaultyDatabase> database_;
};

TEST_F(DiskFaultsTest, ADelayedMessageStaysScheduledWhenItsRowCannotBeRead) {
  Ledger ledger;
  StoredQueue stored;
  ASSERT_TRUE(database_
                  ->Write([&](Transaction& transaction) -> Status {
                    ASYA_TRY(const auto made, ledger.Ensure(transaction, {"q", "uid"}));
                    ASYA_TRY(const Placed placed, ledger.Insert(transaction, made.id, "body", 1));
                    ASYA_TRY_STATUS(ledger.Retry(transaction, placed.message, "body", 5));
                    ASYA_TRY(const auto queues, ledger.Load(transaction));
                    stored = queues.at(0);
                    return Ok();
                  })
                  .ok());
  std::size_t fresh_bytes = 0;
  Backlog backlog(stored, fresh_bytes);
  ASSERT_EQ(backlog.next_due_us(), 5);
  Status broken = Ok();
  EXPECT_FALSE(database_
                   ->Write([&](Transaction& transaction) -> Status {
                     // Its row fails when it is computed, as an unreadable page does. Undone with this job.
                     ASYA_TRY_STATUS(transaction.Execute(
                         "DROP INDEX messages_by_due; ALTER TABLE messages RENAME TO hidden; CREATE VIEW messages AS "
                         "SELECT abs(-9223372036854775808) AS id, 1 AS visible_at_us FROM hidden;"));
                     const auto woke = backlog.Refill(transaction, 10);
                     broken = woke.ok() ? Ok() : Status(woke.error());
                     return Fail(ErrorCode::kConflict, "undo");
                   })
                   .ok());
  EXPECT_FALSE(broken.ok());
  EXPECT_EQ(backlog.next_due_us(), 5);
  EXPECT_TRUE(database_
                  ->Read([&](Transaction& transaction) -> Status {
                    ASYA_TRY(const bool woke, backlog.Refill(transaction, 10));
                    EXPECT_TRUE(woke);
                    return Ok();
                  })
                  .ok());
  EXPECT_EQ(backlog.visible(), 1);
  EXPECT_EQ(backlog.next_due_us(), 0);
}

TEST_F(DiskFaultsTest, AFileThatCannotBeReadIsTriedAgainAfterAPause) {
  BrokerSettings settings;
  settings.socket_path = folder_ + "/queue.sock";
  Broker broker(*database_, settings, RealClock());
  ASSERT_TRUE(broker.Start().ok());
  ASSERT_TRUE(broker.Admin().Ensure({"q", "uid"}).ok());
  Random random(SystemSeed());
  Recorder consumer(
      std::make_unique<Client>(ClientSettings{.socket_path = settings.socket_path, .queue = "q"}, RealClock(), random),
      2);
  consumer.Start();
  ASSERT_EQ(consumer.TakeConnection(), true);
  ASSERT_TRUE(broker.Publisher().Publish({{"q", "1", "m"}}, kPatience).ok());
  const auto taken = consumer.Take(1);
  ASSERT_EQ(taken.size(), 1U);
  database_->refuses_reads = true;
  ports::Settlement settlement;
  settlement.tag = taken[0].tag;
  settlement.action = ports::Settlement::Action::kRetry;
  settlement.retry_body = "2";
  settlement.retry_delay = milliseconds(20);
  const auto began = RealClock().Steady();
  ASSERT_TRUE(consumer.Settle(settlement).ok());
  while (database_->refused_reads == 0 && RealClock().Steady() < began + kPatience) ::poll(nullptr, 0, 1);
  EXPECT_GE(database_->refused_reads, 1);
  EXPECT_TRUE(consumer.Take(1, milliseconds(400)).empty());
  constexpr int kTriesMax = 5;  // within 0.4 s; one more for each pause that a busy machine adds
  const int tries = database_->refused_reads;
  EXPECT_LE(tries, kTriesMax + (RealClock().Steady() - began) / kReadRetry);
  database_->refuses_reads = false;
  const auto again = consumer.Take(1);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].body, "2");
}

double ProcessorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST_F(DiskFaultsTest, ABrokerThatWaitsForTheDiskBeforeItStopsRests) {
  BrokerSettings settings;
  settings.socket_path = folder_ + "/queue.sock";
  Broker broker(*database_, settings, RealClock());
  ASSERT_TRUE(broker.Start().ok());
  ASSERT_TRUE(broker.Admin().Ensure({"q", "uid"}).ok());
  Random random(SystemSeed());
  Recorder consumer(
      std::make_unique<Client>(ClientSettings{.socket_path = settings.socket_path, .queue = "q"}, RealClock(), random),
      2);
  consumer.Start();
  ASSERT_EQ(consumer.TakeConnection(), true);
  ASSERT_TRUE(broker.Publisher().Publish({{"q", "1", "m"}, {"q", "2", "m"}}, kPatience).ok());
  const auto taken = consumer.Take(2);
  ASSERT_EQ(taken.size(), 2U);
  ports::Settlement delay;
  delay.tag = taken[0].tag;
  delay.action = ports::Settlement::Action::kRetry;
  delay.retry_delay = milliseconds(500);  // comes due while the broker stops, and has nobody to go to
  ASSERT_TRUE(consumer.Settle(delay).ok());
  database_->holds_writes = true;
  ports::Settlement ack;
  ack.tag = taken[1].tag;
  consumer.Queue().Settle(ack);
  const auto deadline = RealClock().Steady() + kPatience;
  while (database_->held_writes == 0 && RealClock().Steady() < deadline) ::poll(nullptr, 0, 1);
  ASSERT_EQ(database_->held_writes, 1);
  const double before = ProcessorSeconds();
  broker.Stop();
  EXPECT_LT(ProcessorSeconds() - before, 0.5) << "of the 5 s that it waits";
}

}  // namespace
}  // namespace asya::transports::sqlite
