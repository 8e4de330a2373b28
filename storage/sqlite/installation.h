// Installation: by which a database is known from another one, or from itself after it was emptied, on SQLite.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/sql/sqlite/database.h"

namespace asya::storage::sqlite {

// The schema of it, to be given to Database::Open beside Migrations().
std::vector<sql::sqlite::Migration> InstallationMigrations();

// Drawn when the schema was made; the same for as long as the database is. Read from the database at each call.
// kUnavailable where it cannot be read or is not there.
Result<std::string> ReadInstallation(sql::sqlite::Database& database);

}  // namespace asya::storage::sqlite
