#include "core/sql/postgres/migrate.h"

#include <map>
#include <string>

namespace asya::sql::postgres {
namespace {

using Versions = std::map<std::string, std::int64_t>;

Result<Versions> Applied(Transaction& transaction) {
  // The first number is "Asya"; the second keeps schemas of one database apart.
  ASYA_TRY(const Rows locked,
           transaction.Execute("SELECT pg_advisory_xact_lock(1098086753, hashtext(current_schema()))"));
  static_cast<void>(locked);
  ASYA_TRY_STATUS(
      transaction.Script("CREATE TABLE IF NOT EXISTS schema_migrations("
                         "component text NOT NULL, version bigint NOT NULL, PRIMARY KEY(component, version))"));
  ASYA_TRY(const Rows rows,
           transaction.Execute("SELECT component, max(version) FROM schema_migrations GROUP BY component"));
  Versions versions;
  for (std::size_t row = 0; row < rows.size(); ++row) versions[rows.Text(row, 0)] = rows.Int(row, 1);
  return versions;
}

Status RefuseNewer(const Versions& applied, const std::vector<Migration>& migrations) {
  Versions known;
  for (const Migration& migration : migrations) {
    // Steps are written in the source; a gap or a wrong order is our bug.
    ASYA_CHECK(migration.version == known[migration.component] + 1);
    known[migration.component] = migration.version;
  }
  for (const auto& [component, version] : known) {
    const auto found = applied.find(component);
    if (found == applied.end() || found->second <= version) continue;
    return Invalid("", "the " + component + " schema of the database has version " + std::to_string(found->second) +
                           ", this program knows up to " + std::to_string(version) +
                           "; use the newer program that wrote it");
  }
  return Ok();
}

}  // namespace

Status Migrate(Database& database, const std::vector<Migration>& migrations) {
  return database.Write([&](Transaction& transaction) -> Status {
    ASYA_TRY(const Versions applied, Applied(transaction));
    ASYA_TRY_STATUS(RefuseNewer(applied, migrations));
    for (const Migration& migration : migrations) {
      const auto found = applied.find(migration.component);
      if (found != applied.end() && migration.version <= found->second) continue;
      ASYA_TRY_STATUS(transaction.Script(migration.sql));
      ASYA_TRY(const Rows noted, transaction.Execute("INSERT INTO schema_migrations(component, version) VALUES($1, $2)",
                                                     Parameters().Add(migration.component).Add(migration.version)));
      static_cast<void>(noted);
    }
    return Ok();
  });
}

}  // namespace asya::sql::postgres
