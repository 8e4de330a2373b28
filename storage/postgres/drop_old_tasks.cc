#include "storage/postgres/rows.h"
#include "storage/postgres/task_store.h"

namespace asya::storage::postgres {

using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

namespace {

constexpr std::int64_t kDropBatchTasks = 500;  // in one transaction

// What belongs to a task goes with it, by the foreign keys; the idempotency keys, which were there before it, by hand.
constexpr const char* kDrop = R"sql(
WITH dropped AS (
  DELETE FROM tasks WHERE sequence IN (
    SELECT sequence FROM tasks WHERE status >= 3 AND (updated_at < $1 OR sequence <= $2)
    ORDER BY sequence LIMIT $3 FOR UPDATE SKIP LOCKED)
  RETURNING id
), keys AS (
  DELETE FROM idempotency_keys k USING dropped d WHERE k.task_id = d.id
)
SELECT count(*) FROM dropped)sql";

}  // namespace

Result<std::int64_t> TaskStore::DropOld(WallTime now) {
  std::int64_t over_count = 0;  // the sequence at and below which finished tasks are over the count
  const auto find = [&](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows, transaction.Execute("SELECT sequence FROM tasks WHERE status >= 3 "
                                                  "ORDER BY sequence DESC LIMIT 1 OFFSET $1",
                                                  Parameters().Add(retention_.finished_tasks_max)));
    if (!rows.empty()) over_count = rows.Int(0, 0);
    return Ok();
  };
  ASYA_TRY_STATUS(database_.Read(find));
  std::int64_t total = 0;
  std::int64_t dropped = kDropBatchTasks;
  const auto drop = [&](Transaction& transaction) -> Status {
    ASYA_TRY(
        const Rows rows,
        transaction.Execute(
            kDrop,
            Parameters().Add(ToMicroseconds(now - retention_.finished_age_max)).Add(over_count).Add(kDropBatchTasks)));
    dropped = rows.Int(0, 0);
    return Ok();
  };
  while (dropped == kDropBatchTasks) {
    ASYA_TRY_STATUS(database_.Write(drop));
    total += dropped;
  }
  return total;
}

}  // namespace asya::storage::postgres
