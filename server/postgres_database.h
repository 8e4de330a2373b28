// OpenPostgres: the database that a server was given, also one that is just starting.
#pragma once

#include <memory>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/sql/postgres/database.h"

namespace asya::server {

// As Database::Open, but waits for a while for a PostgreSQL that is starting up or recovering from a crash.
Result<std::unique_ptr<sql::postgres::Database>> OpenPostgres(const sql::postgres::Settings& settings,
                                                              const std::vector<sql::postgres::Migration>& migrations,
                                                              const Clock& clock);

// Of objects, tasks and queues.
std::vector<sql::postgres::Migration> StoreAndQueueMigrations();

}  // namespace asya::server
