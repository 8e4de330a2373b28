#include "core/sql/postgres/database.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/sql/postgres/listener.h"
#include "tests/support/postgres_schema.h"

namespace asya::sql::postgres {
namespace {

constexpr std::chrono::seconds kPatience{30};

class Postgres : public testing::Test {
 protected:
  void SetUp() override {
    if (!tests::PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
    schema_ = std::make_unique<tests::PostgresSchema>();
    database_ = Database::Open(schema_->settings(), {{"test", 1, "CREATE TABLE numbers(n bigint PRIMARY KEY, t text)"}})
                    .value();
  }
  void TearDown() override {
    database_.reset();
    schema_.reset();
  }
  std::int64_t Count() {
    std::int64_t count = -1;
    EXPECT_TRUE(database_
                    ->Read([&](Transaction& transaction) -> Status {
                      ASYA_TRY(const Rows rows, transaction.Execute("SELECT count(*) FROM numbers"));
                      count = rows.Int(0, 0);
                      return Ok();
                    })
                    .ok());
    return count;
  }
  static Status Insert(Transaction& transaction, std::int64_t n) {
    ASYA_TRY(const Rows rows, transaction.Execute("INSERT INTO numbers(n) VALUES($1)", Parameters().Add(n)));
    EXPECT_EQ(rows.affected(), 1);
    return Ok();
  }

  std::unique_ptr<tests::PostgresSchema> schema_;
  std::unique_ptr<Database> database_;
};

TEST_F(Postgres, ParametersComeBackAsTheyWent) {
  const std::string odd = "a\"b\\c{},'\n\xc3\xa4";
  const Status read = database_->Read([&](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows, transaction.Execute("SELECT $1::bigint, $2::text, $3::text, a, b FROM "
                                                  "unnest($4::text[], $5::bigint[]) AS columns(a, b)",
                                                  Parameters()
                                                      .Add(std::int64_t{-7})
                                                      .Add(odd)
                                                      .AddNull()
                                                      .Add(std::vector<std::string>{odd, "", "null", "NULL"})
                                                      .Add(std::vector<std::int64_t>{1, 2, 3, -4})));
    EXPECT_EQ(rows.size(), 4U);
    EXPECT_EQ(rows.Int(0, 0), -7);
    EXPECT_EQ(rows.Text(0, 1), odd);
    EXPECT_TRUE(rows.IsNull(0, 2));
    EXPECT_EQ(rows.Text(0, 3), odd);
    EXPECT_EQ(rows.Text(1, 3), "");
    EXPECT_EQ(rows.Text(3, 3), "NULL");
    EXPECT_FALSE(rows.IsNull(3, 3));
    EXPECT_EQ(rows.Int(3, 4), -4);
    return Ok();
  });
  EXPECT_TRUE(read.ok()) << read.error().message;
}

TEST_F(Postgres, EveryByteComesBackInEitherFormOfABytea) {
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  for (const std::string form : {"hex", "escape"}) {
    const Status read = database_->Read([&](Transaction& transaction) -> Status {
      ASYA_TRY_STATUS(transaction.Script("SET LOCAL bytea_output = " + form));
      ASYA_TRY(const Rows rows,
               transaction.Execute("SELECT n, body FROM unnest($1::bigint[], $2::bytea[]) AS columns(n, body)",
                                   Parameters().Add({std::int64_t{1}, 2, 3}).AddBytes({every, "", "\\x00"})));
      EXPECT_EQ(rows.size(), 3U);
      EXPECT_EQ(rows.Int(2, 0), 3);
      EXPECT_EQ(rows.Bytes(0, 1), every) << form;
      EXPECT_EQ(rows.Bytes(1, 1), "") << form;
      EXPECT_EQ(rows.Bytes(2, 1), "\\x00") << form;
      ASYA_TRY(const Rows none, transaction.Execute("SELECT unnest($1::bytea[])", Parameters().AddBytes({})));
      EXPECT_TRUE(none.empty());
      return Ok();
    });
    EXPECT_TRUE(read.ok()) << read.error().message;
  }
}

TEST_F(Postgres, AnErrorRollsBackAndTheConnectionGoesOn) {
  const Status refused = database_->Write([](Transaction& transaction) -> Status {
    ASYA_TRY_STATUS(Insert(transaction, 1));
    return Fail(ErrorCode::kConflict, "changed my mind");
  });
  EXPECT_EQ(refused.error().message, "changed my mind");
  EXPECT_EQ(Count(), 0);
  const Status twice = database_->Write([](Transaction& transaction) -> Status {
    ASYA_TRY_STATUS(Insert(transaction, 1));
    return Insert(transaction, 1);
  });
  EXPECT_EQ(twice.error().code, ErrorCode::kExists);
  EXPECT_EQ(Count(), 0);
  EXPECT_TRUE(database_->Write([](Transaction& transaction) { return Insert(transaction, 1); }).ok());
  EXPECT_EQ(Count(), 1);
}

TEST_F(Postgres, AReadCannotWriteAndANulIsRefused) {
  EXPECT_FALSE(database_->Read([](Transaction& transaction) { return Insert(transaction, 1); }).ok());
  const Status nul = database_->Write([](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows, transaction.Execute("SELECT $1::text", Parameters().Add(std::string_view("a\0b", 3))));
    return Ok();
  });
  EXPECT_EQ(nul.error().code, ErrorCode::kInvalid);
}

TEST_F(Postgres, StatementsAndWaitsForAConnectionHaveDeadlines) {
  Settings settings = schema_->settings();
  settings.connections = 1;
  settings.borrow_timeout = std::chrono::milliseconds(20);
  settings.statement_timeout = std::chrono::milliseconds(200);
  const auto database = Database::Open(settings, {}).value();
  Status nested = Ok();
  const Status slow = database->Write([&](Transaction& transaction) -> Status {
    nested = database->Write([](Transaction&) { return Ok(); });
    ASYA_TRY(const Rows rows, transaction.Execute("SELECT pg_sleep(60)"));
    return Ok();
  });
  EXPECT_EQ(nested.error().code, ErrorCode::kTooMany);
  EXPECT_EQ(slow.error().code, ErrorCode::kTimeout) << slow.error().message;
}

TEST_F(Postgres, DeadlocksAreRunAgain) {
  ASSERT_TRUE(database_
                  ->Write([](Transaction& transaction) -> Status {
                    ASYA_TRY_STATUS(Insert(transaction, 1));
                    return Insert(transaction, 2);
                  })
                  .ok());
  std::mutex mutex;
  std::condition_variable changed;
  int arrived = 0;
  const auto cross = [&](std::int64_t first, std::int64_t second) {
    return database_->Write([&, first, second](Transaction& transaction) -> Status {
      const char* const update = "UPDATE numbers SET t = coalesce(t, '') || 'x' WHERE n = $1";
      ASYA_TRY(const Rows one, transaction.Execute(update, Parameters().Add(first)));
      {
        std::unique_lock lock(mutex);
        ++arrived;
        changed.notify_all();
        changed.wait(lock, [&] { return arrived >= 2; });
      }
      ASYA_TRY(const Rows two, transaction.Execute(update, Parameters().Add(second)));
      return Ok();
    });
  };
  Status other = Ok();
  std::thread thread([&] { other = cross(2, 1); });
  const Status mine = cross(1, 2);
  thread.join();
  EXPECT_TRUE(mine.ok() && other.ok());
  EXPECT_GE(arrived, 3) << "one of them ran twice";
}

TEST_F(Postgres, ALostConnectionIsReplaced) {
  const Status killed = database_->Write([](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows, transaction.Execute("SELECT pg_terminate_backend(pg_backend_pid())"));
    return Ok();
  });
  EXPECT_EQ(killed.error().code, ErrorCode::kUnavailable) << killed.error().message;
  EXPECT_EQ(Count(), 0);
}

TEST_F(Postgres, AnAbsentServerIsUnavailableWithoutItsAddress) {
  Settings settings;
  settings.dsn = "host=127.0.0.1 port=1 user=u password=sesame dbname=d";
  const auto opened = Database::Open(settings, {});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(opened.error().message.find("sesame"), std::string::npos);
}

TEST_F(Postgres, MigrationsRunOnceEvenWhenManyStart) {
  const std::vector<Migration> migrations = {{"test", 1, "CREATE TABLE numbers(n bigint PRIMARY KEY, t text)"},
                                             {"test", 2, "CREATE TABLE more(n bigint)"},
                                             {"other", 1, "CREATE TABLE other(n bigint)"}};
  std::vector<std::thread> starters;
  for (int i = 0; i < 4; ++i) {
    starters.emplace_back([&] {
      const auto opened = Database::Open(schema_->settings(), migrations);
      EXPECT_TRUE(opened.ok()) << opened.error().message;
    });
  }
  for (auto& starter : starters) starter.join();
  const auto older = Database::Open(schema_->settings(), {migrations.front()});
  ASSERT_FALSE(older.ok());
  EXPECT_EQ(older.error().code, ErrorCode::kInvalid);
}

TEST_F(Postgres, AFailedMigrationLeavesNothing) {
  const auto opened = Database::Open(schema_->settings(), {{"broken", 1, "CREATE TABLE half(n bigint)"},
                                                           {"broken", 2, "CREATE TABLE half(n bigint)"}});
  EXPECT_FALSE(opened.ok());
  const Status there = database_->Read([](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows, transaction.Execute("SELECT to_regclass('half') IS NULL"));
    EXPECT_EQ(rows.Text(0, 0), "t");
    return Ok();
  });
  EXPECT_TRUE(there.ok());
}

TEST_F(Postgres, AListenerHearsHintsAndComesBackAfterALoss) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> heard;
  int ticks = 0;
  Listener listener(
      schema_->settings(), {"asya_test"},
      [&](const std::string& channel, const std::string& payload) {
        const std::lock_guard lock(mutex);
        heard.push_back(channel + ":" + payload);
        changed.notify_all();
      },
      [&] {
        const std::lock_guard lock(mutex);
        ++ticks;
        changed.notify_all();
      });
  listener.Start();
  const auto wait_for = [&](const std::function<bool()>& reached) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, reached);
  };
  const auto run = [&](const char* sql) {
    return database_
        ->Write([&](Transaction& transaction) -> Status {
          ASYA_TRY(const Rows rows, transaction.Execute(sql));
          return Ok();
        })
        .ok();
  };
  ASSERT_TRUE(wait_for([&] { return ticks > 0; }));
  ASSERT_TRUE(run("SELECT pg_notify('asya_test', 'one')"));
  ASSERT_TRUE(wait_for([&] { return heard.size() == 1; }));
  EXPECT_EQ(heard[0], "asya_test:one");
  ASSERT_TRUE(
      run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE '%LISTEN%asya_test%' "
          "AND pid <> pg_backend_pid()"));
  // The listener reconnects within a tick or two; hints until then are lost, which is what the ticks are for.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    ASSERT_TRUE(run("SELECT pg_notify('asya_test', 'two')"));
    std::unique_lock lock(mutex);
    if (changed.wait_for(lock, std::chrono::milliseconds(50), [&] { return heard.size() > 1; })) break;
  }
  listener.Stop();
  listener.Stop();
  EXPECT_GT(heard.size(), 1U);
}

}  // namespace
}  // namespace asya::sql::postgres
