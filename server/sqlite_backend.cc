#include <utility>
#include <vector>

#include "server/backend.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/task_store.h"
#include "transports/sqlite/broker.h"

namespace asya::server {
namespace {

std::vector<sql::sqlite::Migration> AllMigrations() {
  std::vector<sql::sqlite::Migration> all = storage::sqlite::Migrations();
  for (auto& migration : transports::sqlite::Migrations()) all.push_back(std::move(migration));
  return all;
}

class SqliteBackend final : public Backend {
 public:
  SqliteBackend(SqliteBackendOptions options, const BackendParts& parts)
      : options_(std::move(options)), parts_(parts) {}
  ~SqliteBackend() override { SqliteBackend::Stop(); }

  Status Start(Route route) override {
    sql::sqlite::Settings settings;
    settings.path = options_.file;
    settings.metrics = &parts_.metrics;
    ASYA_TRY(database_, sql::sqlite::Database::Open(settings, AllMigrations()));
    transports::sqlite::BrokerSettings broker;
    broker.socket_path = parts_.broker_socket;
    broker.message_limit_bytes = options_.message_limit_bytes;
    broker.metrics = &parts_.metrics;
    broker_ = std::make_unique<transports::sqlite::Broker>(*database_, broker, parts_.clock);
    storage::sqlite::ObjectStoreSettings objects;
    objects.history = parts_.history;
    objects_ = std::make_unique<storage::sqlite::ObjectStore>(*database_, parts_.clock, objects);
    tasks_ = std::make_unique<storage::sqlite::TaskStore>(
        *database_, parts_.clock,
        [this, route = std::move(route)](sql::sqlite::Transaction& transaction, const ports::FirstMessage& message) {
          const ports::FirstMessage routed = route(message);
          return broker_->EnqueueInTransaction(transaction, routed.queue, routed.body);
        });
    ASYA_TRY_STATUS(broker_->Start());
    ASYA_TRY_STATUS(objects_->Start());
    return tasks_->Start();
  }

  void Stop() override {
    if (objects_) objects_->Stop();
    if (broker_) broker_->Stop();
    if (database_) database_->Stop();
  }

  ports::ObjectStore& objects() override { return *objects_; }
  ports::TaskStore& tasks() override { return *tasks_; }
  ports::QueueAdmin& queues() override { return broker_->Admin(); }
  std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) override {
    return broker_->NewConsumer(queue);
  }
  Result<std::vector<std::pair<std::string, ports::QueueStats>>> AllStats(std::size_t limit) override {
    return broker_->AllStats(limit);
  }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return options_.message_limit_bytes; }
  [[nodiscard]] bool Serves(const json::Value& transport) const override {
    const json::Value* type = transport.FindPath({"spec", "type"});
    return type != nullptr && *type == json::Value("sqlite");
  }
  [[nodiscard]] std::string TransportName() const override { return "local"; }
  [[nodiscard]] json::Value TransportSpec() const override { return json::Object{{"type", "sqlite"}}; }
  [[nodiscard]] std::map<std::string, std::string> RelayEnvironment() const override { return {}; }
  Status CompactOld() override { return objects_->CompactOld(); }
  Result<std::int64_t> DropOldHistory() override { return objects_->DropOldHistory(); }
  Result<std::int64_t> DropOldTasks(WallTime now) override { return tasks_->DropOld(now); }
  Result<std::int64_t> DropOldDeadLetters(WallTime now) override { return tasks_->DropOldDeadLetters(now); }

 private:
  const SqliteBackendOptions options_;
  const BackendParts parts_;
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<transports::sqlite::Broker> broker_;
  std::unique_ptr<storage::sqlite::ObjectStore> objects_;
  std::unique_ptr<storage::sqlite::TaskStore> tasks_;
};

}  // namespace

std::unique_ptr<Backend> MakeSqliteBackend(SqliteBackendOptions options, const BackendParts& parts) {
  return std::make_unique<SqliteBackend>(std::move(options), parts);
}

}  // namespace asya::server
