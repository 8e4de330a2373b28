#include "core/sql/sqlite/migrate.h"

#include <algorithm>
#include <map>
#include <string>

namespace asya::sql::sqlite {
namespace {

constexpr const char* kApplicationId = "1098086753";  // "Asya" as a big-endian integer; in the file's header

using Versions = std::map<std::string, std::int64_t>;

Status CheckOurs(Connection& connection) {
  ASYA_TRY(const std::string tables, connection.Scalar("SELECT count(*) FROM sqlite_schema"));
  ASYA_TRY(const std::string id, connection.Scalar("PRAGMA application_id"));
  if (id == kApplicationId) return Ok();
  if (tables != "0") return Invalid("", connection.path() + ": is a database of another program; choose another path");
  return connection.Execute(std::string("PRAGMA application_id=") + kApplicationId);
}

Result<Versions> Applied(Connection& connection) {
  ASYA_TRY_STATUS(connection.Execute(
      "CREATE TABLE IF NOT EXISTS schema_migrations("
      "component TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY(component, version)) WITHOUT ROWID, STRICT"));
  Versions versions;
  ASYA_TRY(Statement* const rows,
           connection.Prepare("SELECT component, max(version) FROM schema_migrations GROUP BY component"));
  for (;;) {
    ASYA_TRY(const bool row, rows->Step());
    if (!row) return versions;
    versions[rows->Text(0)] = rows->Int(1);
  }
}

Status Apply(Connection& connection, const Migration& migration) {
  ASYA_TRY_STATUS(connection.Execute("BEGIN IMMEDIATE"));
  auto step = [&]() -> Status {
    ASYA_TRY_STATUS(connection.Execute(migration.sql));
    ASYA_TRY(Statement* const insert,
             connection.Prepare("INSERT INTO schema_migrations(component, version) VALUES(?, ?)"));
    ASYA_TRY_STATUS(insert->Bind(1, migration.component).Bind(2, migration.version).Run());
    return connection.Execute("COMMIT");
  };
  Status done = step();
  if (!done.ok() && connection.InTransaction()) {
    Status undone = connection.Execute("ROLLBACK");
    if (!undone.ok()) return undone;
  }
  return done;
}

}  // namespace

Status Migrate(Connection& connection, const std::vector<Migration>& migrations) {
  ASYA_TRY_STATUS(CheckOurs(connection));
  ASYA_TRY(const Versions applied, Applied(connection));
  Versions known;
  for (const Migration& migration : migrations) {
    // Steps are written in the source; a gap or a wrong order is our bug.
    ASYA_CHECK(migration.version == known[migration.component] + 1);
    known[migration.component] = migration.version;
  }
  for (const auto& [component, version] : known) {
    const auto found = applied.find(component);
    if (found != applied.end() && found->second > version) {
      return Invalid("", connection.path() + ": its " + component + " schema has version " +
                             std::to_string(found->second) + ", this program knows up to " + std::to_string(version) +
                             "; use the newer program that wrote it");
    }
  }
  for (const Migration& migration : migrations) {
    const auto found = applied.find(migration.component);
    if (found != applied.end() && migration.version <= found->second) continue;
    ASYA_TRY_STATUS(Apply(connection, migration));
  }
  connection.ResetTouched();
  return Ok();
}

}  // namespace asya::sql::sqlite
