#include "server/object_database.h"

#include <utility>
#include <vector>

#include "core/sql/postgres/address.h"
#include "core/sql/sqlite/database.h"
#include "server/postgres_database.h"
#include "storage/postgres/installation.h"
#include "storage/postgres/object_store.h"
#include "storage/postgres/schema.h"
#include "storage/sqlite/installation.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/schema.h"

namespace asya::server {
namespace {

template <class Settings>
Settings SettingsOf(const ObjectDatabase::Parts& parts) {
  Settings settings;
  settings.history = parts.history;
  if constexpr (requires { settings.logger; }) {
    settings.logger = parts.logger;
    settings.metrics = &parts.metrics;
  }
  return settings;
}

using storage::postgres::ReadInstallation;
using storage::sqlite::ReadInstallation;

template <class Migration>
std::vector<Migration> With(std::vector<Migration> all, const std::vector<Migration>& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

template <class Database, class Store, class Settings>
class Stored final : public ObjectDatabase {
 public:
  Stored(std::unique_ptr<Database> database, const ObjectDatabase::Parts& parts)
      : database_(std::move(database)), store_(*database_, parts.clock, SettingsOf<Settings>(parts)) {}
  ~Stored() override { Stored::Stop(); }

  Status Start() { return store_.Start(); }
  ports::ObjectStore& objects() override { return store_; }
  Result<std::string> InstallationId() override { return ReadInstallation(*database_); }
  Status CompactOld() override { return store_.CompactOld(); }
  Result<std::int64_t> DropOldHistory() override { return store_.DropOldHistory(); }
  void Stop() override {
    if (std::exchange(stopped_, true)) return;
    store_.Stop();
    if constexpr (requires { database_->Stop(); }) database_->Stop();
  }

 private:
  std::unique_ptr<Database> database_;
  Store store_;
  bool stopped_ = false;
};

template <class Made>
Result<std::unique_ptr<ObjectDatabase>> Started(std::unique_ptr<Made> made) {
  ASYA_TRY_STATUS(made->Start());
  return std::unique_ptr<ObjectDatabase>(std::move(made));
}

}  // namespace

Result<std::unique_ptr<ObjectDatabase>> ObjectDatabase::OpenPostgreSql(const std::string& url, const Parts& parts) {
  sql::postgres::Settings settings;
  settings.dsn = url;
  settings.application_name = "asya-server-api";
  ASYA_TRY(const sql::postgres::Address address, sql::postgres::ReadAddress(settings.dsn));
  ASYA_TRY(auto database,
           OpenPostgres(settings, With(storage::postgres::Migrations(), storage::postgres::InstallationMigrations()),
                        parts.clock));
  parts.logger.Info("storing in PostgreSQL", {{"database", address.Text()}});
  using Made = Stored<sql::postgres::Database, storage::postgres::ObjectStore, storage::postgres::ObjectStoreSettings>;
  return Started(std::make_unique<Made>(std::move(database), parts));
}

Result<std::unique_ptr<ObjectDatabase>> ObjectDatabase::OpenSqlite(const std::string& file, const Parts& parts) {
  sql::sqlite::Settings settings;
  settings.path = file;
  settings.metrics = &parts.metrics;
  ASYA_TRY(auto database, sql::sqlite::Database::Open(settings, With(storage::sqlite::Migrations(),
                                                                     storage::sqlite::InstallationMigrations())));
  using Made = Stored<sql::sqlite::Database, storage::sqlite::ObjectStore, storage::sqlite::ObjectStoreSettings>;
  return Started(std::make_unique<Made>(std::move(database), parts));
}

}  // namespace asya::server
