#include <atomic>
#include <utility>

#include "bench/relay/backend.h"
#include "core/sql/sqlite/database.h"
#include "model/envelope.h"
#include "transports/sqlite/broker.h"

namespace asya::bench {
namespace {

class SqliteBackend final : public Backend {
 public:
  explicit SqliteBackend(std::string folder) : folder_(std::move(folder)) {}
  ~SqliteBackend() override {
    if (broker_) broker_->Stop();
  }
  Status Open() {
    ASYA_TRY(database_, sql::sqlite::Database::Open({.path = folder_ + "/queue.db"}, transports::sqlite::Migrations()));
    database_->OnCommit([this] { ++commits_; });
    broker_ = std::make_unique<transports::sqlite::Broker>(
        *database_, transports::sqlite::BrokerSettings{.socket_path = folder_ + "/queue.sock"}, RealClock());
    return broker_->Start();
  }
  ports::QueueAdmin& admin() override { return broker_->Admin(); }
  ports::Publisher& publisher() override { return broker_->Publisher(); }
  [[nodiscard]] std::string program() const override { return "asya-relay"; }
  [[nodiscard]] std::map<std::string, std::string> environment() const override {
    return {{"ASYA_SQLITE_PATH", folder_ + "/queue.sock"}};
  }
  std::int64_t passed() override {
    const auto stats = broker_->Admin().Stats(model::QueueName(kNamespace, kNextActor));
    return stats.ok() ? stats->arrived_total : 0;
  }
  std::int64_t commits() override { return commits_; }

 private:
  const std::string folder_;
  std::atomic<std::int64_t> commits_{0};
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<transports::sqlite::Broker> broker_;
};

}  // namespace

OpenBackend OnSqlite() {
  return [](const std::string& folder) -> Result<std::unique_ptr<Backend>> {
    auto backend = std::make_unique<SqliteBackend>(folder);
    ASYA_TRY_STATUS(backend->Open());
    return std::unique_ptr<Backend>(std::move(backend));
  };
}

}  // namespace asya::bench
