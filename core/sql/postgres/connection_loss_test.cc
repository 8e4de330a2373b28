// What callers see of a server that hangs, goes away, comes back, is slow, or is none of ours.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "core/sql/postgres/connection.h"
#include "core/sql/postgres/database.h"
#include "core/sql/postgres/session_lock.h"
#include "tests/support/postgres_schema.h"
#include "tests/support/socket_proxy.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/unix_server.h"

namespace asya::sql::postgres {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::int64_t kKey = 7;

// A schema of the real server, reached through a proxy.
class ConnectionLoss : public testing::Test {
 protected:
  void SetUp() override {
    if (!tests::PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
    schema_ = std::make_unique<tests::PostgresSchema>();
    settings_ = schema_->settings();
    const std::string::size_type from = settings_.dsn.find("host=") + 5;
    const std::string::size_type size = settings_.dsn.find(' ', from) - from;
    const std::string folder = settings_.dsn.substr(from, size);
    settings_.dsn.replace(from, size, folder_.path());
    proxy_ = std::make_unique<tests::SocketProxy>(folder_.path() + "/.s.PGSQL.5432", folder + "/.s.PGSQL.5432");
  }
  static Status Count(Database& database) {
    ASYA_TRY(const Rows rows, database.Query("SELECT count(*) FROM numbers", {}));
    return Ok();
  }
  static std::vector<Migration> Schema() { return {{"test", 1, "CREATE TABLE numbers(n bigint PRIMARY KEY)"}}; }

  tests::TemporaryFolder folder_;
  std::unique_ptr<tests::PostgresSchema> schema_;
  Settings settings_;
  std::unique_ptr<tests::SocketProxy> proxy_;
};

TEST_F(ConnectionLoss, AServerThatHangsIsGivenUpAtTheDeadline) {
  // Those that are answered have to be so within it too, also on a busy machine.
  settings_.job_timeout = std::chrono::seconds(10);
  const auto database = Database::Open(settings_, Schema()).value();
  ASSERT_TRUE(Count(*database).ok());
  proxy_->Withhold(true);
  const auto began = std::chrono::steady_clock::now();
  const Status hung = Count(*database);
  EXPECT_LT(std::chrono::steady_clock::now() - began, kPatience);
  ASSERT_FALSE(hung.ok());
  EXPECT_EQ(hung.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(hung.error().message, "PostgreSQL did not answer within 10000 ms");
  proxy_->Withhold(false);
  EXPECT_TRUE(Count(*database).ok());
}

TEST_F(ConnectionLoss, ARestartBetweenTwoCallsIsNotSeen) {
  const auto database = Database::Open(settings_, Schema()).value();
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(Count(*database).ok());
    proxy_->Cut();
    // Whichever comes first: it has to open a connection of its own.
    const Status written = database->Write([&](Transaction& transaction) -> Status {
      ASYA_TRY(const Rows rows, transaction.Execute("INSERT INTO numbers VALUES($1)", Parameters().Add(round)));
      return Ok();
    });
    EXPECT_TRUE(written.ok()) << written.error().message;
  }
}

// The connection was lost in the pool or with the answer: whoever writes in one round trip cannot tell which.
TEST_F(ConnectionLoss, ACallIsNotMadeAgainAfterIt) {
  const auto database = Database::Open(settings_, Schema()).value();
  const auto insert = [&] { return database->Call("INSERT INTO numbers(n) SELECT count(*) FROM numbers", {}); };
  ASSERT_TRUE(insert().ok());
  proxy_->Cut();
  const auto lost = insert();
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().code, ErrorCode::kUnavailable) << lost.error().message;
  EXPECT_EQ(insert()->affected(), 1);
  EXPECT_EQ(database->Query("SELECT count(*) FROM numbers", {})->Int(0, 0), 2);
}

// As pqxx tells it where libpq finds the end of the connection while it reads an answer.
TEST(Loss, OfAnAnswerWithoutAStateOfItsOwnIsUnavailable) {
  const Error lost = TranslateError(pqxx::sql_error("server closed the connection unexpectedly\n", "SELECT 1"));
  EXPECT_EQ(lost.code, ErrorCode::kUnavailable);
  EXPECT_EQ(lost.message, "PostgreSQL: server closed the connection unexpectedly");
}

TEST_F(ConnectionLoss, ASlowNetworkIsOnlySlow) {
  const auto database = Database::Open(settings_, Schema()).value();
  proxy_->Delay(std::chrono::milliseconds(20));
  EXPECT_TRUE(Count(*database).ok());
}

TEST_F(ConnectionLoss, TheTablesOfADroppedSchemaAreUnavailableNotMissing) {
  const auto database = Database::Open(settings_, Schema()).value();
  ASSERT_TRUE(database->Write([](Transaction& transaction) { return transaction.Script("DROP TABLE numbers"); }).ok());
  const Status gone = Count(*database);
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code, ErrorCode::kUnavailable) << gone.error().message;
}

TEST(OldServer, IsRefusedWithItsVersion) {
  const tests::TemporaryFolder folder;
  // https://www.postgresql.org/docs/15/protocol-message-formats.html: AuthenticationOk, ParameterStatus, ReadyForQuery.
  const std::string version(
      "server_version\0"
      "13.4\0",
      20);
  const std::string hello =
      std::string("R\0\0\0\x08\0\0\0\0", 9) + std::string("S\0\0\0\x18", 5) + version + std::string("Z\0\0\0\x05I", 6);
  tests::UnixServer server(folder.path() + "/.s.PGSQL.5432", [&](tests::ServedConnection& connection) {
    connection.Send(hello);
    connection.WaitForClose();
  });
  Settings settings;
  settings.dsn = "host=" + folder.path() + " port=5432 user=u dbname=d";
  const auto opened = Database::Open(settings, {});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().message, "PostgreSQL 13 is too old; 14 or newer is needed");
}

TEST_F(ConnectionLoss, OneHoldsTheSessionLockAndTheNextGetsItAfterItsEnd) {
  const auto never = [] { FAIL() << "taken over"; };
  SessionLock first(settings_, kKey, never);
  ASSERT_TRUE(first.Start(std::chrono::milliseconds(0)).ok());
  SessionLock second(schema_->settings(), kKey, never);
  EXPECT_EQ(second.Start(std::chrono::milliseconds(0)).error().code, ErrorCode::kConflict);
  first.Stop();
  EXPECT_TRUE(second.Start(kPatience).ok());
}

TEST_F(ConnectionLoss, WhoLosesTheSessionLockToAnotherIsTold) {
  settings_.network_timeout = std::chrono::milliseconds(1);
  std::mutex mutex;
  std::condition_variable changed;
  bool told = false;
  SessionLock first(settings_, kKey, [&] {
    const std::lock_guard lock(mutex);
    told = true;
    changed.notify_all();
  });
  ASSERT_TRUE(first.Start(std::chrono::milliseconds(0)).ok());
  proxy_->Withhold(true);
  proxy_->Cut();
  SessionLock second(schema_->settings(), kKey, [] {});
  ASSERT_TRUE(second.Start(kPatience).ok());
  proxy_->Withhold(false);
  std::unique_lock lock(mutex);
  EXPECT_TRUE(changed.wait_for(lock, kPatience, [&] { return told; }));
}

}  // namespace
}  // namespace asya::sql::postgres
