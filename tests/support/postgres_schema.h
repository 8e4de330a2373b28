// PostgresSchema: an empty schema of its own in the PostgreSQL of the test run, gone with its owner.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

#include "core/base/random.h"
#include "core/sql/postgres/database.h"

namespace asya::tests {

class PostgresSchema {
 public:
  // The address that `tools/postgres run` gives; nothing when the run has no server.
  static std::optional<std::string> Address() {
    const char* dsn = std::getenv("ASYA_TEST_POSTGRES");
    return dsn == nullptr ? std::nullopt : std::optional<std::string>(dsn);
  }

  PostgresSchema() : name_("test_" + RandomHex(8)) { Run("CREATE SCHEMA " + name_); }
  ~PostgresSchema() { Run("DROP SCHEMA " + name_ + " CASCADE"); }
  PostgresSchema(const PostgresSchema&) = delete;
  PostgresSchema& operator=(const PostgresSchema&) = delete;

  [[nodiscard]] sql::postgres::Settings settings() const {
    sql::postgres::Settings settings = Patient();
    settings.application_name = name_;  // so that a test finds its own sessions
    settings.dsn += " options='-c search_path=" + name_ + "'";
    return settings;
  }

 private:
  // A test on a busy machine fails by its result, never by a deadline.
  static sql::postgres::Settings Patient() {
    sql::postgres::Settings settings;
    settings.dsn = *Address();
    settings.connect_timeout = settings.borrow_timeout = settings.statement_timeout = std::chrono::minutes(1);
    return settings;
  }
  static void Run(const std::string& sql) {
    auto database = sql::postgres::Database::Open(Patient(), {}).value();
    const Status done =
        database->Write([&](sql::postgres::Transaction& transaction) { return transaction.Script(sql); });
    ASYA_CHECK(done.ok());
  }

  const std::string name_;
};

}  // namespace asya::tests
