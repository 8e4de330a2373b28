// Migrate: brings the schema of a database to the versions this program knows.
#pragma once

#include <vector>

#include "core/sql/postgres/database.h"

namespace asya::sql::postgres {

// All steps in one transaction under an advisory lock: another process that starts meanwhile waits and finds them done.
Status Migrate(Database& database, const std::vector<Migration>& migrations);

}  // namespace asya::sql::postgres
