// The schema of the stores on PostgreSQL, as the list of its versions.
#pragma once

#include <vector>

#include "core/sql/postgres/database.h"

namespace asya::storage::postgres {

// All versions, oldest first; to be given to Database::Open beside those of other components.
std::vector<sql::postgres::Migration> Migrations();

}  // namespace asya::storage::postgres
