#include <unistd.h>

#include <csignal>
#include <utility>
#include <vector>

#include "core/sql/postgres/address.h"
#include "core/sql/postgres/session_lock.h"
#include "server/backend.h"
#include "server/postgres_database.h"
#include "storage/postgres/object_store.h"
#include "storage/postgres/task_store.h"
#include "transports/postgres/administration.h"
#include "transports/postgres/consumer.h"
#include "transports/postgres/tables.h"

namespace asya::server {
namespace {

constexpr const char* kTransport = "postgres";
// Of the Secret that stands for the address given at the start; a local relay gets it in its environment.
constexpr const char* kCredentials = "asya-database";
// "Asyc", beside the keys of migrations and revisions.
constexpr std::int64_t kOwnerKey = 1098086755;
// Until a server that was killed is seen to be gone.
constexpr std::chrono::seconds kOwnerPatience{10};

class PostgresBackend final : public Backend {
 public:
  PostgresBackend(PostgresBackendOptions options, const BackendParts& parts)
      : options_(std::move(options)), parts_(parts) {
    settings_.dsn = options_.url;
    settings_.application_name = "asya-server";
  }
  ~PostgresBackend() override { PostgresBackend::Stop(); }

  Status Start(Route route) override {
    ASYA_TRY(address_, sql::postgres::ReadAddress(settings_.dsn));
    // Whoever finds the database in use must not have changed its schema.
    ASYA_TRY(database_, OpenPostgres(settings_, {}, parts_.clock));
    owner_ = std::make_unique<sql::postgres::SessionLock>(settings_, kOwnerKey, [this] {
      parts_.logger.Error("another asya-server has taken the database over; stopping", {{"database", address_.Text()}});
      ::kill(::getpid(), SIGTERM);
    });
    if (const Status taken = owner_->Start(kOwnerPatience); !taken.ok()) {
      if (taken.error().code != ErrorCode::kConflict) return taken;
      return Fail(ErrorCode::kConflict, address_.Text() + " is in use by another asya-server");
    }
    ASYA_TRY(database_, OpenPostgres(settings_, StoreAndQueueMigrations(), parts_.clock));
    queues_ = std::make_unique<transports::postgres::Administration>(*database_);
    storage::postgres::ObjectStoreSettings objects;
    objects.history = parts_.history;
    objects.logger = parts_.logger;
    objects.metrics = &parts_.metrics;
    objects_ = std::make_unique<storage::postgres::ObjectStore>(*database_, parts_.clock, objects);
    tasks_ = std::make_unique<storage::postgres::TaskStore>(
        *database_, parts_.clock,
        [route = std::move(route)](sql::postgres::Transaction& transaction, const ports::FirstMessage& message) {
          const ports::FirstMessage routed = route(message);
          return transports::postgres::EnqueueInTransaction(transaction, routed.queue, routed.body);
        });
    ASYA_TRY_STATUS(objects_->Start());
    queues_->Start();
    tasks_->Start();
    parts_.logger.Info("storing in PostgreSQL", {{"database", address_.Text()}});
    return Ok();
  }

  void Stop() override {
    if (objects_) objects_->Stop();
    if (tasks_) tasks_->Stop();
    if (queues_) queues_->Stop();
    if (owner_) owner_->Stop();
  }

  ports::ObjectStore& objects() override { return *objects_; }
  ports::TaskStore& tasks() override { return *tasks_; }
  ports::QueueAdmin& queues() override { return *queues_; }
  std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) override {
    transports::postgres::ConsumerSettings consumer;
    consumer.database = settings_;
    consumer.database.connections = 1;
    consumer.queue = queue;
    return std::make_unique<transports::postgres::Consumer>(consumer, parts_.clock, parts_.random);
  }
  Result<std::vector<std::pair<std::string, ports::QueueStats>>> AllStats(std::size_t limit) override {
    return queues_->AllStats(limit);
  }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return transports::postgres::kMessageBytesMax; }
  [[nodiscard]] bool Serves(const json::Value& transport) const override {
    const json::Value* type = transport.FindPath({"spec", "type"});
    const json::Value* block = transport.FindPath({"spec", kTransport});
    if (type == nullptr || *type != json::Value(kTransport)) return false;
    if (block == nullptr) return true;
    // Another server of the same type is not ours, though the type is.
    return block->GetString("host").value_or(address_.host) == address_.host &&
           block->GetInt("port").value_or(address_.port) == address_.port &&
           block->GetString("database").value_or(address_.database) == address_.database;
  }
  [[nodiscard]] std::string TransportName() const override { return kTransport; }
  [[nodiscard]] json::Value TransportSpec() const override {
    json::Object block = {{"host", address_.host},
                          {"port", address_.port},
                          {"database", address_.database},
                          {"credentialsSecretRef", json::Object{{"name", kCredentials}}}};
    return json::Object{{"type", kTransport}, {kTransport, std::move(block)}};
  }
  [[nodiscard]] std::map<std::string, std::string> RelayEnvironment() const override {
    std::map<std::string, std::string> environment = options_.variables;
    environment["ASYA_POSTGRES_URL"] = options_.url;
    return environment;
  }
  Status CompactOld() override { return objects_->CompactOld(); }
  Result<std::int64_t> DropOldHistory() override { return objects_->DropOldHistory(); }
  Result<std::int64_t> DropOldTasks(WallTime now) override { return tasks_->DropOld(now); }
  Result<std::int64_t> DropOldDeadLetters(WallTime now) override { return tasks_->DropOldDeadLetters(now); }

 private:
  const PostgresBackendOptions options_;
  const BackendParts parts_;
  sql::postgres::Settings settings_;
  sql::postgres::Address address_;
  std::unique_ptr<sql::postgres::Database> database_;
  std::unique_ptr<sql::postgres::SessionLock> owner_;
  std::unique_ptr<transports::postgres::Administration> queues_;
  std::unique_ptr<storage::postgres::ObjectStore> objects_;
  std::unique_ptr<storage::postgres::TaskStore> tasks_;
};

}  // namespace

std::unique_ptr<Backend> MakePostgresBackend(PostgresBackendOptions options, const BackendParts& parts) {
  return std::make_unique<PostgresBackend>(std::move(options), parts);
}

}  // namespace asya::server
