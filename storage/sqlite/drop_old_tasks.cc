#include "storage/sqlite/rows.h"
#include "storage/sqlite/task_store.h"
#include "storage/sqlite/task_writes.h"

namespace asya::storage::sqlite {

using sql::sqlite::Transaction;

namespace {

constexpr std::int64_t kDropBatchTasks = 500;  // in one transaction, so that other writes wait for one batch at most

#define ASYA_OLD_TASKS \
  "(SELECT sequence FROM tasks WHERE status >= 3 AND (updated_at < ?1 OR sequence <= ?2) ORDER BY sequence LIMIT ?3)"

// What belongs to the tasks first, then the tasks themselves.
constexpr const char* kDrops[] = {"DELETE FROM task_inputs WHERE task IN " ASYA_OLD_TASKS,
                                  "DELETE FROM task_results WHERE task IN " ASYA_OLD_TASKS,
                                  "DELETE FROM task_events WHERE task IN " ASYA_OLD_TASKS,
                                  "DELETE FROM idempotency_keys WHERE task IN " ASYA_OLD_TASKS,
                                  "DELETE FROM tasks WHERE sequence IN " ASYA_OLD_TASKS};

// The sequence at and below which finished tasks are over the count; 0 when none are.
Result<std::int64_t> CountLimit(Transaction& transaction, std::int64_t finished_tasks_max) {
  ASYA_TRY(auto* const row, transaction.Prepare("SELECT sequence FROM tasks WHERE status >= 3 "
                                                "ORDER BY sequence DESC LIMIT 1 OFFSET ?1"));
  ASYA_TRY(const bool found, row->Bind(1, finished_tasks_max).Step());
  return found ? row->Int(0) : 0;
}

}  // namespace

Result<std::int64_t> TaskStore::DropOld(WallTime now) {
  std::int64_t over_count = 0;
  const auto find = [&](Transaction& transaction) -> Status {
    ASYA_TRY(over_count, CountLimit(transaction, settings_.retention.finished_tasks_max));
    return Ok();
  };
  ASYA_TRY_STATUS(database_.Read(find));
  const std::int64_t oldest_kept = ToMicroseconds(now - settings_.retention.finished_age_max);
  const auto dropped = std::make_shared<std::int64_t>(kDropBatchTasks);
  std::int64_t total = 0;
  while (*dropped == kDropBatchTasks) {
    const auto drop = [oldest_kept, over_count, dropped](Transaction& transaction, Writes& writes) -> Status {
      for (const char* const sql : kDrops) {
        ASYA_TRY(auto* const statement, transaction.Prepare(sql));
        ASYA_TRY_STATUS(statement->Bind(1, oldest_kept).Bind(2, over_count).Bind(3, kDropBatchTasks).Run());
      }
      *dropped = transaction.Changes();
      if (*dropped > 0) writes.ForgetAll();
      return Ok();
    };
    ASYA_TRY_STATUS(Write(drop));
    total += *dropped;
  }
  return total;
}

}  // namespace asya::storage::sqlite
