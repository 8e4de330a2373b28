// BoundedWrite: one job of the writer that its caller does not wait for longer than a limit.
#pragma once

#include <chrono>
#include <functional>

#include "core/sql/sqlite/database.h"

namespace asya::storage::sqlite {

// Runs `job` on the writer thread and waits until it is durable. `committed` is called on that thread when it is,
// before the caller goes on. kTimeout after `timeout`: the outcome is unknown and both may still be called, so they own
// what they touch.
Status BoundedWrite(sql::sqlite::Database& database, std::chrono::milliseconds timeout, sql::sqlite::Database::Job job,
                    std::function<void()> committed);

}  // namespace asya::storage::sqlite
