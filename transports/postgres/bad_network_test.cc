// A consumer whose connections are slow and are cut again and again moves every message once.
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <utility>

#include "core/base/random.h"
#include "tests/support/postgres_schema.h"
#include "tests/support/socket_proxy.h"
#include "tests/support/temporary_folder.h"
#include "transports/conformance/recorder_suite.h"
#include "transports/postgres/administration.h"
#include "transports/postgres/consumer.h"
#include "transports/postgres/tables.h"

namespace asya::transports::postgres {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kCredits = 8;
constexpr int kMessages = 60;
constexpr int kCutEvery = 12;  // messages

// Passes each message on to the next queue, and cuts the connections every so many of them.
class Forwarder final : public ports::ConsumerEvents {
 public:
  Forwarder(ports::MessageQueue& queue, tests::SocketProxy& proxy) : queue_(queue), proxy_(proxy) {}

  void OnDeliveries(std::vector<ports::Delivery> deliveries) override {
    for (auto& delivery : deliveries) {
      ports::Settlement settlement;
      settlement.tag = delivery.tag;
      settlement.publish.push_back({"asya-test-next", std::move(delivery.body), "id"});
      queue_.Settle(std::move(settlement));
    }
  }
  void OnStarted(ports::DeliveryTag /*tag*/, Status /*status*/) override {}
  void OnSettled(ports::DeliveryTag /*tag*/, Status status) override {
    queue_.Grant(1);
    if (!status.ok()) return;
    const std::lock_guard lock(mutex_);
    if (++settled_ % kCutEvery == 0) proxy_.Cut();
  }
  void OnConnection(bool connected, const std::string& /*reason*/) override {
    if (connected) queue_.Grant(kCredits);
    const std::lock_guard lock(mutex_);
    if (!connected) ++losses_;
  }
  [[nodiscard]] int losses() {
    const std::lock_guard lock(mutex_);
    return losses_;
  }

 private:
  ports::MessageQueue& queue_;
  tests::SocketProxy& proxy_;
  std::mutex mutex_;
  int settled_ = 0;
  int losses_ = 0;
};

// A schema, and a way to it that can be cut.
class FarSchema {
 public:
  FarSchema() {
    const auto from = far_.dsn.find("host=") + 5;
    const std::string place = far_.dsn.substr(from, far_.dsn.find(' ', from) - from);
    far_.dsn.replace(from, place.size(), folder_.path());
    proxy_ = std::make_unique<tests::SocketProxy>(folder_.path() + "/.s.PGSQL.5432", place + "/.s.PGSQL.5432");
  }
  [[nodiscard]] sql::postgres::Settings near() const { return schema_.settings(); }
  [[nodiscard]] const sql::postgres::Settings& far() const { return far_; }
  tests::SocketProxy& proxy() { return *proxy_; }

 private:
  const tests::PostgresSchema schema_;
  const tests::TemporaryFolder folder_;
  sql::postgres::Settings far_ = schema_.settings();
  std::unique_ptr<tests::SocketProxy> proxy_;
};

TEST(PostgresBadNetwork, ARelayThatLosesItsConnectionKeepsItsMessagesAndCountsNoCrash) {
  if (!tests::PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  FarSchema schema;
  const auto database = sql::postgres::Database::Open(schema.near(), Migrations()).value();
  Administration queues(*database);
  ASSERT_TRUE(queues.Ensure({"asya-test-in", "test"}).ok());
  ASSERT_TRUE(queues.Publish({{"asya-test-in", "long", "id"}}, kPatience).ok());
  Random random(SystemSeed());
  conformance::Recorder relay(
      std::make_unique<Consumer>(ConsumerSettings{.database = schema.far(), .queue = "asya-test-in"}, RealClock(),
                                 random),
      1);
  relay.Start();
  auto taken = relay.Take(1);
  ASSERT_EQ(taken.size(), 1U);
  ASSERT_TRUE(relay.Begin(taken[0].tag, 1).ok());
  conformance::Recorder other(
      std::make_unique<Consumer>(ConsumerSettings{.database = schema.near(), .queue = "asya-test-in"}, RealClock(),
                                 random),
      1);
  other.Start();
  ASSERT_TRUE(other.WaitConnected(true));
  for (int loss = 0; loss < 6; ++loss) {
    schema.proxy().Cut();
    const auto lost = std::exchange(taken, {});
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (taken.empty() && std::chrono::steady_clock::now() < deadline) {
      // A loss is seen by the next transaction.
      relay.Queue().Begin(lost[0].tag, 1);
      taken = relay.Take(1, std::chrono::milliseconds(100));
    }
    ASSERT_EQ(taken.size(), 1U) << "another has it after loss " << loss;
    EXPECT_EQ(taken[0].crash_count, 0);
    // The one that was granted at the connection; with one more another's message would be hoarded.
    EXPECT_TRUE(taken[0].uses_credit);
    // Were it to die now, that would be a crash, for its call may have begun.
    EXPECT_EQ(database->Query("SELECT crash_count FROM messages", {})->Int(0, 0), 1);
  }
  EXPECT_TRUE(other.Take(1, std::chrono::milliseconds(1)).empty());
  ports::Settlement back;
  back.tag = taken[0].tag;
  back.action = ports::Settlement::Action::kGiveBack;
  EXPECT_TRUE(relay.Settle(back).ok());
  const auto given = other.Take(1);
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(given[0].crash_count, 0);
}

TEST(PostgresBadNetwork, MovesEveryMessageOnce) {
  if (!tests::PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  FarSchema schema;
  const sql::postgres::Settings& far = schema.far();
  tests::SocketProxy& proxy = schema.proxy();
  proxy.Delay(std::chrono::milliseconds(1));

  const auto database = sql::postgres::Database::Open(schema.near(), Migrations()).value();
  Administration queues(*database);
  for (const char* name : {"asya-test-in", "asya-test-next"}) ASSERT_TRUE(queues.Ensure({name, "test"}).ok());
  std::vector<ports::Outgoing> messages;
  for (int i = 0; i < kMessages; ++i) messages.push_back({"asya-test-in", std::to_string(i), "id"});
  ASSERT_TRUE(queues.Publish(messages, kPatience).ok());

  Random random(SystemSeed());
  ConsumerSettings settings{.database = far, .queue = "asya-test-in"};
  settings.lease = std::chrono::seconds(6);
  Consumer consumer(settings, RealClock(), random);
  Forwarder forwarder(consumer, proxy);
  consumer.Start(forwarder);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::int64_t moved = 0;
  while (moved < kMessages && std::chrono::steady_clock::now() < deadline) {
    const auto stats = queues.Stats("asya-test-next");
    ASSERT_TRUE(stats.ok()) << stats.error().message;
    moved = stats->visible;
  }
  consumer.Stop(std::chrono::seconds(1));
  const auto rows = database->Query("SELECT count(*), count(DISTINCT body) FROM messages JOIN bodies USING (id)", {});
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_EQ(rows->Int(0, 0), kMessages);
  EXPECT_EQ(rows->Int(0, 1), kMessages);
  EXPECT_GT(forwarder.losses(), 0);
}

}  // namespace
}  // namespace asya::transports::postgres
