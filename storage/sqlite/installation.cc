#include "storage/sqlite/installation.h"

namespace asya::storage::sqlite {
namespace {

// A version that was released is never edited: a change is a new version.
constexpr const char* kInstallation = R"sql(
CREATE TABLE installation(
  id     TEXT NOT NULL,
  single INTEGER PRIMARY KEY CHECK(single = 1)
) STRICT;
INSERT INTO installation(id, single) VALUES(lower(hex(randomblob(16))), 1);
)sql";

}  // namespace

std::vector<sql::sqlite::Migration> InstallationMigrations() { return {{"installation", 1, kInstallation}}; }

Result<std::string> ReadInstallation(sql::sqlite::Database& database) {
  std::string id;
  ASYA_TRY_STATUS(database.Read([&](sql::sqlite::Transaction& transaction) -> Status {
    ASYA_TRY(sql::sqlite::Statement* const read, transaction.Prepare("SELECT id FROM installation"));
    ASYA_TRY(const bool found, read->Step());
    if (!found) return Fail(ErrorCode::kUnavailable, "the database has no installation id");
    id = read->Text(0);
    return Ok();
  }));
  return id;
}

}  // namespace asya::storage::sqlite
