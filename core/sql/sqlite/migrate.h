// Migrate: brings the schema of a file to the version this program knows, one committed step at a time.
#pragma once

#include <vector>

#include "core/base/result.h"
#include "core/sql/sqlite/connection.h"

namespace asya::sql::sqlite {

// kInvalid: the file belongs to another program, or was written by a newer version of this one.
Status Migrate(Connection& connection, const std::vector<Migration>& migrations);

}  // namespace asya::sql::sqlite
