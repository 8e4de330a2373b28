#include <optional>
#include <utility>

#include "storage/postgres/rows.h"
#include "storage/postgres/task_store.h"

namespace asya::storage::postgres {

using ports::IdempotencyKey;
using ports::Task;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

namespace {

constexpr const char* kInsertTask = R"sql(
WITH created AS (
  INSERT INTO tasks(id, namespace, parent_id, flow, actor, status, progress, current_actor, reason, replay_of, labels,
                    created_at, updated_at, deadline_at, version)
  VALUES($1, $2, $3, $4, $5, 0, 0, $14, '', $6, $7, $8, $8, $9, 1)
  ON CONFLICT(id) DO NOTHING RETURNING sequence
), input AS (
  INSERT INTO task_inputs(task, payload, headers) SELECT sequence, $10, $11 FROM created
), event AS (
  INSERT INTO task_events(task, at, type, data) SELECT sequence, $8, $12, $13 FROM created
)
SELECT sequence FROM created)sql";

// The id of the task that has the key already; nothing when the key is this task's now. Another transaction that takes
// the same key is waited for.
Result<std::optional<std::string>> TakeKey(Transaction& transaction, const IdempotencyKey& key, const std::string& id) {
  ASYA_TRY(const Rows taken,
           transaction.Execute("INSERT INTO idempotency_keys(key, digest, task_id) VALUES($1, $2, $3) "
                               "ON CONFLICT(key) DO NOTHING",
                               Parameters().Add(key.key).Add(key.payload_digest).Add(id)));
  if (taken.affected() == 1) return std::optional<std::string>();
  ASYA_TRY(const Rows rows, transaction.Execute("SELECT task_id, digest FROM idempotency_keys WHERE key = $1",
                                                Parameters().Add(key.key)));
  if (rows.empty()) return Fail(ErrorCode::kUnavailable, "the idempotency key was dropped meanwhile: try again");
  if (rows.View(0, 1) != key.payload_digest) {
    return Error{ErrorCode::kConflict, "the idempotency key was used with another payload", "idempotencyKey"};
  }
  return std::optional<std::string>(rows.Text(0, 0));
}

Status InsertTask(Transaction& transaction, const Task& task) {
  Parameters parameters;
  parameters.Add(task.id).Add(task.namespace_).Add(task.parent_id).Add(task.flow).Add(task.actor);
  parameters.Add(task.replay_of).Add(task.labels_json).Add(ToMicroseconds(task.created_at));
  task.deadline_at ? parameters.Add(ToMicroseconds(*task.deadline_at)) : parameters.AddNull();
  parameters.Add(task.payload_json).Add(task.headers_json).Add(kStatusEvent);
  parameters.Add(EventData(ports::TaskStatus::kPending, 0, "", "", ""));
  parameters.Add(task.current_actor);
  ASYA_TRY(const Rows rows, transaction.Execute(kInsertTask, parameters));
  if (rows.empty()) return Fail(ErrorCode::kExists, "task \"" + task.id + "\" already exists");
  return Ok();
}

}  // namespace

Result<Task> TaskStore::Create(const Task& task, const ports::FirstMessage& message,
                               const std::optional<IdempotencyKey>& key) {
  Task created = task;
  created.status = ports::TaskStatus::kPending;
  created.progress = 0;
  created.version = 1;
  created.created_at = created.updated_at = clock_.Now();
  std::optional<std::string> earlier;
  const auto create = [&](Transaction& transaction, Ids& changed) -> Status {
    earlier.reset();
    if (key) {
      ASYA_TRY(earlier, TakeKey(transaction, *key, created.id));
      if (earlier) return Ok();
    }
    ASYA_TRY_STATUS(InsertTask(transaction, created));
    ASYA_TRY_STATUS(enqueue_(transaction, message));
    changed.push_back(created.id);
    return Ok();
  };
  ASYA_TRY_STATUS(Write(create));
  if (earlier) return Get(*earlier);
  return created;
}

}  // namespace asya::storage::postgres
