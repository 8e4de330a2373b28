// The PostgreSQL transport on the conformance suite, against a real server.
#include <gtest/gtest.h>

#include <filesystem>

#include "core/base/random.h"
#include "ports/postgres_queues.h"
#include "tests/support/postgres_schema.h"
#include "tests/support/temporary_folder.h"
#include "transports/conformance/message_queue_suite.h"
#include "transports/conformance/recorder_suite.h"
#include "transports/postgres/administration.h"
#include "transports/postgres/consumer.h"
#include "transports/postgres/tables.h"

namespace asya::transports::conformance {
namespace {

// Longer than a busy machine holds a consumer up between two renewals.
constexpr std::chrono::milliseconds kLease{6000};
// What a dead consumer held comes back when it has passed.
constexpr std::chrono::milliseconds kShortLease{1500};

class PostgresTransport final : public Transport {
 public:
  PostgresTransport() : random_(SystemSeed()), settings_(schema_.settings()) {
    settings_.application_name = "asya_" + RandomHex(8);
    settings_.connections = 4;
    database_ = sql::postgres::Database::Open(settings_, postgres::Migrations()).value();
    administration_ = std::make_unique<postgres::Administration>(*database_);
    administration_->Start();
  }
  void ExpectDeaths() override { lease_ = kShortLease; }
  ports::QueueAdmin& Admin() override { return *administration_; }
  ports::Publisher& Publisher() override { return *administration_; }
  std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) override {
    postgres::ConsumerSettings settings{.database = settings_, .queue = queue};
    settings.lease = lease_;
    return std::make_unique<postgres::Consumer>(settings, RealClock(), random_);
  }
  void Cut(ports::MessageQueue& consumer) override { dynamic_cast<postgres::Consumer&>(consumer).Abandon(); }
  // The server itself serves other tests: what a client sees of its restart is the end of all connections.
  void RestartBroker() override {
    auto own = schema_.settings();
    own.application_name = "asya_terminator";
    auto database = sql::postgres::Database::Open(own, {}).value();
    const Status ended = database->Write([&](sql::postgres::Transaction& transaction) -> Status {
      ASYA_TRY(const auto rows,
               transaction.Execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1",
                                   sql::postgres::Parameters().Add(settings_.application_name)));
      EXPECT_GE(rows.size(), 1U);
      return Ok();
    });
    ASSERT_TRUE(ended.ok()) << ended.error().message;
  }
  [[nodiscard]] bool DealsOut() const override { return false; }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return postgres::kMessageBytesMax; }

 private:
  tests::PostgresSchema schema_;
  Random random_;
  sql::postgres::Settings settings_;
  std::chrono::milliseconds lease_ = kLease;
  std::unique_ptr<sql::postgres::Database> database_;
  std::unique_ptr<postgres::Administration> administration_;
};

INSTANTIATE_TEST_SUITE_P(Postgres, MessageQueueSuite,
                         ::testing::Values(TransportUnderTest{"postgres",
                                                              []() -> std::unique_ptr<Transport> {
                                                                if (!tests::PostgresSchema::Address()) return nullptr;
                                                                return std::make_unique<PostgresTransport>();
                                                              }}),
                         [](const auto& tested) { return tested.param.name; });

TEST(PostgresOwners, WhoIsStartedInThePlaceOfADeadRelayEndsItsLeases) {
  if (!tests::PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  const tests::PostgresSchema schema;
  const tests::TemporaryFolder folder;
  const auto database = sql::postgres::Database::Open(schema.settings(), postgres::Migrations()).value();
  postgres::Administration administration(*database);
  ASSERT_TRUE(administration.Ensure({"asya-test-a", "uid"}).ok());
  ASSERT_TRUE(administration.Publish({{"asya-test-a", "body", "m"}}, std::chrono::milliseconds(1000)).ok());
  Random random(1);
  const auto consumer = [&](const std::string& file) {
    postgres::ConsumerSettings settings{.database = schema.settings(), .queue = "asya-test-a"};
    settings.owners_file = folder.path() + "/" + file;
    return std::make_unique<postgres::Consumer>(settings, RealClock(), random);
  };
  // It lives on for the test, and prolongs its leases: nothing but the file can end them.
  Recorder dead(consumer("owners"), 1);
  dead.Start();
  const auto taken = dead.Take(1);
  ASSERT_EQ(taken.size(), 1U);
  ASSERT_TRUE(dead.Begin(taken[0].tag, 1).ok());
  std::filesystem::copy_file(folder.path() + "/owners", folder.path() + "/of-a-restart");
  Recorder next(consumer("of-a-restart"), 1);
  next.Start();
  const auto again = next.Take(1);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].body, "body");
  EXPECT_EQ(again[0].crash_count, 1);
  ports::Settlement processed;
  processed.tag = taken[0].tag;
  EXPECT_EQ(dead.Settle(processed).error().code, ErrorCode::kConflict);
  processed.tag = again[0].tag;
  EXPECT_TRUE(next.Settle(processed).ok());
}

TEST(PostgresFirstMessage, LeavesRoomForTheErrorThatItMayFailWith) {
  if (!tests::PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  tests::PostgresSchema schema;
  const auto database = sql::postgres::Database::Open(schema.settings(), postgres::Migrations()).value();
  postgres::Administration administration(*database);
  ASSERT_TRUE(administration.Ensure({"asya-test-a", "uid"}).ok());
  const auto enqueue = [&](std::size_t bytes) {
    return database->Write([&](sql::postgres::Transaction& transaction) {
      return postgres::EnqueueInTransaction(transaction, "asya-test-a", std::string(bytes, 'x'));
    });
  };
  const std::size_t limit = ports::OrdinaryLimitBytes(postgres::kMessageBytesMax);
  EXPECT_TRUE(enqueue(limit).ok());
  EXPECT_EQ(enqueue(limit + 1).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(administration.Stats("asya-test-a")->visible, 1);
}

TEST(PostgresTables, TheStatementForOthersCountsWhatCanBeWorkedOnOrIsInWork) {
  if (!tests::PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  tests::PostgresSchema schema;
  const auto database = sql::postgres::Database::Open(schema.settings(), postgres::Migrations()).value();
  postgres::Administration administration(*database);
  ASSERT_TRUE(administration.Ensure({"asya-test-a", "uid"}).ok());
  ASSERT_TRUE(administration.Ensure({"asya-test-b", "uid"}).ok());
  const auto publish = [&](const char* queue) {
    ASSERT_TRUE(administration.Publish({{queue, "body", "m"}}, std::chrono::milliseconds(1000)).ok());
  };
  for (const char* queue : {"asya-test-a", "asya-test-a", "asya-test-a", "asya-test-b"}) publish(queue);
  ASSERT_TRUE(database
                  ->Write([](sql::postgres::Transaction& transaction) {
                    return transaction.Script(
                        "UPDATE messages SET leased_until = now() + interval '1 hour' WHERE id = 1;"
                        "UPDATE messages SET visible_at = now() + interval '1 hour' WHERE id = 2;");
                  })
                  .ok());
  const std::string statement = ports::QueueLengthStatement("asya-test-a");
  const auto rows = database->Query(statement.c_str(), {});
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->Int(0, 0), 2);
  const auto stats = administration.Stats("asya-test-a");
  EXPECT_EQ(stats->visible + stats->in_flight, 2);
  EXPECT_EQ(stats->delayed, 1);
}

TEST(PostgresTables, MessagesOfVersionOneKeepTheirBodiesAndTheirPlace) {
  if (!tests::PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  tests::PostgresSchema schema;
  auto old = postgres::Migrations();
  old.resize(1);
  {
    const auto database = sql::postgres::Database::Open(schema.settings(), old).value();
    ASSERT_TRUE(database
                    ->Write([](sql::postgres::Transaction& transaction) {
                      return transaction.Script(
                          "INSERT INTO queues(name, owner_uid) VALUES('asya-test-a', 'uid');"
                          "INSERT INTO messages(queue_id, body) SELECT id, 'first' FROM queues;"
                          "INSERT INTO messages(queue_id, body) SELECT id, 'second' FROM queues;");
                    })
                    .ok());
  }
  const auto database = sql::postgres::Database::Open(schema.settings(), postgres::Migrations()).value();
  postgres::Administration administration(*database);
  ASSERT_TRUE(administration.Publish({{"asya-test-a", "third", "m"}}, std::chrono::milliseconds(1000)).ok());
  const auto rows =
      database->Query("SELECT convert_from(body, 'UTF8') FROM messages JOIN bodies USING (id) ORDER BY id", {});
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ(rows->Text(0, 0), "first");
  EXPECT_EQ(rows->Text(1, 0), "second");
  EXPECT_EQ(rows->Text(2, 0), "third");
}

TEST(PostgresTables, NoBodyStaysWithoutItsMessage) {
  if (!tests::PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  tests::PostgresSchema schema;
  const auto database = sql::postgres::Database::Open(schema.settings(), postgres::Migrations()).value();
  postgres::Administration administration(*database);
  const auto bodies = [&] { return database->Query("SELECT count(*) FROM bodies", {})->Int(0, 0); };
  ASSERT_TRUE(administration.Ensure({"asya-test-a", "uid"}).ok());
  ASSERT_TRUE(administration.Ensure({"asya-test-b", "uid"}).ok());
  const std::vector<ports::Outgoing> two{{"asya-test-a", "x", "1"}, {"asya-test-b", "y", "2"}};
  ASSERT_TRUE(administration.Publish(two, std::chrono::milliseconds(1000)).ok());
  EXPECT_EQ(bodies(), 2);
  ASSERT_TRUE(administration.Remove("asya-test-a", true).ok());
  EXPECT_EQ(bodies(), 1);
  ASSERT_TRUE(administration.Remove("asya-test-b", true).ok());
  EXPECT_EQ(bodies(), 0);
}

}  // namespace
}  // namespace asya::transports::conformance
