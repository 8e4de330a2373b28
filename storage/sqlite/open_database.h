// Opens a database with the stores' schema for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/sql/sqlite/database.h"
#include "storage/sqlite/schema.h"

namespace asya::storage::sqlite {

inline std::unique_ptr<sql::sqlite::Database> OpenDatabase(const std::string& path) {
  sql::sqlite::Settings settings;
  settings.path = path;
  auto database = sql::sqlite::Database::Open(settings, Migrations());
  if (database.ok()) return std::move(database).value();
  ADD_FAILURE() << database.error().message;
  return nullptr;
}

}  // namespace asya::storage::sqlite
