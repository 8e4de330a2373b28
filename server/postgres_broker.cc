#include <memory>
#include <mutex>
#include <utility>

#include "ports/postgres_queues.h"
#include "server/remote_broker.h"
#include "transports/postgres/administration.h"
#include "transports/postgres/consumer.h"
#include "transports/postgres/tables.h"

namespace asya::server {
namespace {

namespace postgres = transports::postgres;

// Opened by the first that asks, and tried again by others until it is there: a Transport is known before its database.
class DatabaseWhenThere final : public sql::postgres::Database {
 public:
  DatabaseWhenThere(sql::postgres::Settings settings, const Clock& clock)
      : settings_(std::move(settings)), clock_(clock), next_try_(clock.Steady()) {}

  Status Write(const Job& job) override {
    ASYA_TRY(Database * database, Opened());
    return database->Write(job);
  }
  Status Read(const Job& job) override {
    ASYA_TRY(Database * database, Opened());
    return database->Read(job);
  }
  Result<sql::postgres::Rows> Query(const char* sql, const sql::postgres::Parameters& parameters) override {
    ASYA_TRY(Database * database, Opened());
    return database->Query(sql, parameters);
  }
  Result<sql::postgres::Rows> Call(const char* sql, const sql::postgres::Parameters& parameters) override {
    ASYA_TRY(Database * database, Opened());
    return database->Call(sql, parameters);
  }
  [[nodiscard]] const sql::postgres::Settings& settings() const override { return settings_; }

 private:
  static constexpr std::chrono::seconds kPause{2};  // between two tries

  // While one tries, which may take as long as the network does, the others are told what was wrong before.
  Result<Database*> Opened() {
    {
      const std::lock_guard lock(mutex_);
      if (database_ != nullptr) return database_.get();
      if (opening_ || clock_.Steady() < next_try_) return problem_;
      opening_ = true;
    }
    auto opened = Database::Open(settings_, postgres::Migrations());
    const std::lock_guard lock(mutex_);
    opening_ = false;
    next_try_ = clock_.Steady() + kPause;
    if (!opened.ok()) return problem_ = opened.error();
    database_ = std::move(opened).value();
    return database_.get();
  }

  const sql::postgres::Settings settings_;
  const Clock& clock_;
  std::mutex mutex_;
  std::unique_ptr<Database> database_;
  SteadyTime next_try_;
  bool opening_ = false;
  Error problem_ = Fail(ErrorCode::kUnavailable, "the database is not connected yet");
};

class PostgresBroker final : public RemoteBroker {
 public:
  PostgresBroker(const sql::postgres::Settings& settings, const Clock& clock)
      : clock_(clock), database_(settings, clock), administration_(database_) {
    administration_.Start();
  }
  ~PostgresBroker() override { administration_.Stop(); }
  ports::QueueAdmin& admin() override { return administration_; }
  ports::Publisher& publisher() override { return administration_; }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return postgres::kMessageBytesMax; }
  [[nodiscard]] std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) override {
    postgres::ConsumerSettings consumer;
    consumer.database = database_.settings();
    consumer.queue = queue;
    return std::make_unique<postgres::Consumer>(consumer, clock_, Dice());
  }

 private:
  const Clock& clock_;
  DatabaseWhenThere database_;
  postgres::Administration administration_;
};

}  // namespace

Result<std::unique_ptr<RemoteBroker>> ConnectPostgres(const json::Value& block,
                                                      const ports::Credentials::Values& secret, const Clock& clock) {
  sql::postgres::Settings settings;
  settings.dsn = secret.empty() ? ports::PostgresUrl(block) : secret.at("ASYA_POSTGRES_URL");
  settings.application_name = "asya-server";
  settings.connections = 4;
  settings.migration_timeout = std::chrono::minutes(1);
  return std::unique_ptr<RemoteBroker>(std::make_unique<PostgresBroker>(settings, clock));
}

}  // namespace asya::server
