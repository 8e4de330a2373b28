// The SQLite transport on the conformance suite: a broker on a real file, clients over its socket.
#include "transports/sqlite/broker.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/base/random.h"
#include "transports/conformance/message_queue_suite.h"
#include "transports/sqlite/client.h"

namespace asya::transports::conformance {
namespace {

class SqliteTransport final : public Transport {
 public:
  SqliteTransport() : random_(SystemSeed()) {
    std::string pattern = std::filesystem::temp_directory_path() / "asya-queue-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    Open();
  }
  ~SqliteTransport() override {
    Close();
    std::filesystem::remove_all(folder_);
  }
  ports::QueueAdmin& Admin() override { return broker_->Admin(); }
  ports::Publisher& Publisher() override { return broker_->Publisher(); }
  std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) override {
    return std::make_unique<sqlite::Client>(sqlite::ClientSettings{.socket_path = Socket(), .queue = queue},
                                            RealClock(), random_);
  }
  void Cut(ports::MessageQueue& consumer) override { dynamic_cast<sqlite::Client&>(consumer).Reconnect(); }
  void RestartBroker() override {
    Close();
    Open();
  }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return sqlite::BrokerSettings{}.message_limit_bytes; }

 private:
  [[nodiscard]] std::string Socket() const { return folder_ + "/queue.sock"; }
  void Open() {
    auto opened = sql::sqlite::Database::Open({.path = folder_ + "/asya.db"}, sqlite::Migrations());
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    database_ = std::move(opened).value();
    broker_ =
        std::make_unique<sqlite::Broker>(*database_, sqlite::BrokerSettings{.socket_path = Socket()}, RealClock());
    const Status started = broker_->Start();
    ASSERT_TRUE(started.ok()) << started.error().message;
  }
  void Close() {
    broker_.reset();
    database_.reset();
  }

  Random random_;
  std::string folder_;
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<sqlite::Broker> broker_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, MessageQueueSuite,
                         ::testing::Values(TransportUnderTest{"sqlite",
                                                              [] { return std::make_unique<SqliteTransport>(); }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace asya::transports::conformance
