// The schema of the stores on SQLite, as the list of its versions.
#pragma once

#include <vector>

#include "core/sql/sqlite/database.h"

namespace asya::storage::sqlite {

// All versions, oldest first; to be given to Database::Open beside those of other components.
std::vector<sql::sqlite::Migration> Migrations();

}  // namespace asya::storage::sqlite
