// Changes keep their order, however often they fail.
#include "transports/sqlite/changes.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "tests/support/temporary_folder.h"

namespace asya::transports::sqlite {
namespace {

constexpr std::chrono::seconds kPatience{20};

class ChangesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = sql::sqlite::Database::Open({.path = folder_.path() + "/asya.db"}, LedgerMigrations()).value();
    changes_ = std::make_shared<Changes>(*database_, std::make_shared<Ledger>(), RealClock(),
                                         [this](std::vector<Change> batch, const Status& /*status*/) {
                                           const std::lock_guard lock(mutex_);
                                           outcomes_.push_back(std::move(batch));
                                           changed_.notify_all();
                                         });
  }
  void TearDown() override { database_->Stop(); }

  // Of a message that is not there, which is no error.
  void Add(std::uint64_t tag) {
    Change change;
    change.kind = Change::Kind::kCrashCount;
    change.tag = tag;
    changes_->Add(std::move(change));
  }
  std::vector<Change> FlushAndTake() {
    EXPECT_TRUE(changes_->Flush());
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [this] { return !outcomes_.empty(); })) return {};
    std::vector<Change> batch = std::move(outcomes_.front());
    outcomes_.erase(outcomes_.begin());
    return batch;
  }

  tests::TemporaryFolder folder_;
  std::unique_ptr<sql::sqlite::Database> database_;
  std::shared_ptr<Changes> changes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::vector<Change>> outcomes_;
};

TEST_F(ChangesTest, TwoBatchesThatFailedComeBackInTheirOrder) {
  Add(1);
  Add(2);
  std::vector<Change> first = FlushAndTake();
  Add(3);
  std::vector<Change> second = FlushAndTake();
  ASSERT_EQ(first.size(), 2U);
  ASSERT_EQ(second.size(), 1U);
  Add(4);
  // As the broker's thread hears of them.
  changes_->AddAgain(std::move(first));
  changes_->AddAgain(std::move(second));
  std::vector<std::uint64_t> tags;
  for (const Change& change : FlushAndTake()) tags.push_back(change.tag);
  EXPECT_EQ(tags, (std::vector<std::uint64_t>{1, 2, 3, 4}));
}

TEST_F(ChangesTest, NobodyHearsOfAnEmptyBatch) {
  EXPECT_TRUE(changes_->Flush());
  Add(1);
  EXPECT_EQ(FlushAndTake().size(), 1U);
  database_->Stop();
  const std::lock_guard lock(mutex_);
  EXPECT_TRUE(outcomes_.empty());
}

}  // namespace
}  // namespace asya::transports::sqlite
