#include "storage/postgres/installation.h"

namespace asya::storage::postgres {
namespace {

// A version that was released is never edited: a change is a new version.
constexpr const char* kInstallation = R"sql(
CREATE TABLE installation(
  id     text NOT NULL,
  single boolean PRIMARY KEY DEFAULT true CHECK(single)
);
INSERT INTO installation(id) VALUES(gen_random_uuid()::text);
)sql";

}  // namespace

std::vector<sql::postgres::Migration> InstallationMigrations() { return {{"installation", 1, kInstallation}}; }

Result<std::string> ReadInstallation(sql::postgres::Database& database) {
  ASYA_TRY(const sql::postgres::Rows rows, database.Query("SELECT id FROM installation", {}));
  if (rows.empty()) return Fail(ErrorCode::kUnavailable, "the database has no installation id");
  return rows.Text(0, 0);
}

}  // namespace asya::storage::postgres
