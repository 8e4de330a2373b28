// PostgreSQL as the broker of a Transport, on a real server.
#include <gtest/gtest.h>

#include "core/base/random.h"
#include "core/json/parse.h"
#include "core/sql/postgres/database.h"
#include "server/remote_broker.h"
#include "tests/support/postgres_schema.h"

namespace asya::server {
namespace {

using std::chrono::milliseconds;

// A Transport whose schema is not there yet.
class PostgresBrokerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!tests::PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
    sql::postgres::Settings settings;
    settings.dsn = *tests::PostgresSchema::Address();
    database_ = sql::postgres::Database::Open(settings, {}).value();
    const std::string dsn = settings.dsn + " options='-c search_path=" + name_ + "'";
    const json::Value transport =
        json::Parse(R"({"metadata":{"name":"ledger"},"spec":{"type":"postgres","postgres":{}}})").value();
    broker_ = ConnectRemote(transport, {{"ASYA_POSTGRES_URL", dsn}}, clock_).value();
  }
  void TearDown() override {
    broker_.reset();
    if (database_ != nullptr) Run("DROP SCHEMA IF EXISTS " + name_ + " CASCADE");
  }
  void Run(const std::string& sql) {
    const Status done =
        database_->Write([&](sql::postgres::Transaction& transaction) { return transaction.Script(sql); });
    ASSERT_TRUE(done.ok()) << done.error().message;
  }

  FakeClock clock_;
  const std::string name_ = "test_" + RandomHex(8);
  std::unique_ptr<sql::postgres::Database> database_;
  std::unique_ptr<RemoteBroker> broker_;
};

TEST_F(PostgresBrokerTest, ADatabaseThatCannotBeUsedYetIsTriedAgain) {
  const Status refused = broker_->admin().Ensure({"asya-team-echo", "uid"});
  ASSERT_FALSE(refused.ok()) << "there is no schema for its tables";
  Run("CREATE SCHEMA " + name_);
  EXPECT_EQ(broker_->admin().Ensure({"asya-team-echo", "uid"}).error().message, refused.error().message)
      << "not so soon: all that ask would wait for it";
  clock_.Advance(std::chrono::seconds(3));
  EXPECT_TRUE(broker_->admin().Ensure({"asya-team-echo", "uid"}).ok());
}

TEST_F(PostgresBrokerTest, TakesMessagesForItsQueues) {
  Run("CREATE SCHEMA " + name_);
  ASSERT_TRUE(broker_->admin().Ensure({"asya-team-echo", "uid"}).ok());
  EXPECT_TRUE(broker_->publisher().Publish({{"asya-team-echo", "{}", "m"}}, milliseconds(1000)).ok());
  EXPECT_EQ(broker_->publisher().Publish({{"asya-team-nobody", "{}", "m"}}, milliseconds(1000)).error().code,
            ErrorCode::kUnroutable);
  EXPECT_EQ(broker_->admin().Stats("asya-team-echo")->visible, 1);
  EXPECT_EQ(broker_->admin().Remove("asya-team-echo", false).error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace asya::server
