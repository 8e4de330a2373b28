// Opens a database with the stores' schema for tests; ends the process when that fails.
#pragma once

#include <memory>
#include <string>

#include "core/sql/sqlite/database.h"
#include "storage/sqlite/schema.h"

namespace asya::storage::sqlite {

inline std::unique_ptr<sql::sqlite::Database> OpenDatabase(const std::string& path) {
  sql::sqlite::Settings settings;
  settings.path = path;
  return sql::sqlite::Database::Open(settings, Migrations()).value();
}

}  // namespace asya::storage::sqlite
