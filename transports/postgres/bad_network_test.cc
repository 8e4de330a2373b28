// A consumer whose connections are slow and are cut again and again moves every message once.
#include <gtest/gtest.h>

#include <mutex>

#include "core/base/random.h"
#include "tests/support/postgres_schema.h"
#include "tests/support/socket_proxy.h"
#include "tests/support/temporary_folder.h"
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

TEST(PostgresBadNetwork, MovesEveryMessageOnce) {
  if (!tests::PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  const tests::PostgresSchema schema;
  const tests::TemporaryFolder folder;
  sql::postgres::Settings far = schema.settings();
  const auto from = far.dsn.find("host=") + 5;
  const std::string place = far.dsn.substr(from, far.dsn.find(' ', from) - from);
  far.dsn.replace(from, place.size(), folder.path());
  tests::SocketProxy proxy(folder.path() + "/.s.PGSQL.5432", place + "/.s.PGSQL.5432");
  proxy.Delay(std::chrono::milliseconds(1));

  const auto database = sql::postgres::Database::Open(schema.settings(), Migrations()).value();
  Administration queues(*database);
  for (const char* name : {"asya-test-in", "asya-test-next"}) ASSERT_TRUE(queues.Ensure({name, "test"}).ok());
  std::vector<ports::Outgoing> messages;
  for (int i = 0; i < kMessages; ++i) messages.push_back({"asya-test-in", std::to_string(i), "id"});
  ASSERT_TRUE(queues.Publish(messages, kPatience).ok());

  Random random(SystemSeed());
  ConsumerSettings settings{.database = far, .queue = "asya-test-in"};
  settings.lease = std::chrono::milliseconds(1500);
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
