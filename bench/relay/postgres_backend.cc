#include <utility>

#include "bench/relay/backend.h"
#include "model/envelope.h"
#include "transports/postgres/administration.h"
#include "transports/postgres/tables.h"

namespace asya::bench {
namespace {

using sql::postgres::Database;

class PostgresBackend final : public Backend {
 public:
  PostgresBackend(std::string dsn, std::unique_ptr<Database> database)
      : dsn_(std::move(dsn)), database_(std::move(database)), administration_(*database_) {}
  // What an earlier measurement left.
  Status Clear() {
    for (const char* actor : {kActor, kNextActor, "x-sink", "x-sump"}) {
      ASYA_TRY_STATUS(administration_.Remove(model::QueueName(kNamespace, actor), true));
    }
    return Ok();
  }
  ports::QueueAdmin& admin() override { return administration_; }
  ports::Publisher& publisher() override { return administration_; }
  [[nodiscard]] std::string program() const override { return "asya-relay-postgres"; }
  [[nodiscard]] std::map<std::string, std::string> environment() const override {
    return {{"ASYA_TRANSPORT", "postgres"}, {"ASYA_POSTGRES_URL", dsn_}};
  }
  std::int64_t passed() override {
    // Not by Stats(), which counts what lies there: asked so often, it cost the server twice what the hops did.
    const auto rows = database_->Query(
        "SELECT coalesce(sum(t.arrived), 0)::bigint FROM queue_totals t JOIN queues q ON q.id = t.queue_id "
        "WHERE q.name = $1",
        sql::postgres::Parameters().Add(model::QueueName(kNamespace, kNextActor)));
    return rows.ok() ? rows->Int(0, 0) : 0;
  }
  // Each transaction that writes has a number; asking takes one too.
  std::int64_t commits() override {
    const auto rows = database_->Query("SELECT pg_current_xact_id()::text", {});
    return rows.ok() ? rows->Int(0, 0) - asked_++ : 0;
  }

 private:
  const std::string dsn_;
  std::int64_t asked_ = 0;
  std::unique_ptr<Database> database_;
  transports::postgres::Administration administration_;
};

}  // namespace

OpenBackend OnPostgres(const std::string& dsn) {
  return [dsn](const std::string&) -> Result<std::unique_ptr<Backend>> {
    sql::postgres::Settings settings;
    settings.dsn = dsn;
    settings.connections = 1;
    ASYA_TRY(auto database, Database::Open(settings, transports::postgres::Migrations()));
    auto backend = std::make_unique<PostgresBackend>(dsn, std::move(database));
    ASYA_TRY_STATUS(backend->Clear());
    return std::unique_ptr<Backend>(std::move(backend));
  };
}

}  // namespace asya::bench
