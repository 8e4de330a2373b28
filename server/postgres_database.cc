#include "server/postgres_database.h"

#include <poll.h>

#include <utility>

#include "storage/postgres/schema.h"
#include "transports/postgres/tables.h"

namespace asya::server {
namespace {

// Until a PostgreSQL that is starting up or recovering from a crash takes connections.
constexpr std::chrono::seconds kRecoveryPatience{20};
constexpr std::chrono::milliseconds kRecoveryPause{200};

// libpq tells no SQLSTATE of a refused connection: "the database system is starting up", "… is in recovery mode".
bool WillServeSoon(const Error& error) {
  return error.code == ErrorCode::kUnavailable && error.message.find("the database system is ") != std::string::npos;
}

}  // namespace

Result<std::unique_ptr<sql::postgres::Database>> OpenPostgres(const sql::postgres::Settings& settings,
                                                              const std::vector<sql::postgres::Migration>& migrations,
                                                              const Clock& clock) {
  const SteadyTime deadline = clock.Steady() + kRecoveryPatience;
  for (;;) {
    auto opened = sql::postgres::Database::Open(settings, migrations);
    if (opened.ok() || !WillServeSoon(opened.error()) || clock.Steady() >= deadline) return opened;
    ::poll(nullptr, 0, static_cast<int>(kRecoveryPause.count()));
  }
}

std::vector<sql::postgres::Migration> StoreAndQueueMigrations() {
  std::vector<sql::postgres::Migration> all = storage::postgres::Migrations();
  for (auto& migration : transports::postgres::Migrations()) all.push_back(std::move(migration));
  return all;
}

}  // namespace asya::server
