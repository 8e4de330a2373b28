#include <map>
#include <optional>
#include <utility>

#include "storage/postgres/rows.h"
#include "storage/postgres/task_rows.h"
#include "storage/postgres/task_store.h"

namespace asya::storage::postgres {

using ports::TaskReport;
using ports::TaskStatus;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

namespace {

std::int64_t Number(TaskStatus status) { return static_cast<std::int64_t>(status); }

// In the order of the ids, so that two processes never wait for each other's rows crosswise.
constexpr const char* kLockTasks =
    "SELECT id, sequence, namespace FROM tasks WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE";

// A fan-out child: it belongs to the flow of its parent and ends by the same deadline. Of a parent in another namespace
// (who may speak of what: MaySpeakOf) there is none.
constexpr const char* kRegister = R"sql(
WITH registered AS (
  INSERT INTO tasks(id, namespace, parent_id, flow, actor, status, progress, current_actor, reason, replay_of, labels,
                    created_at, updated_at, deadline_at, version)
  SELECT $1, $2, $3, coalesce(p.flow, ''), $4, $5, $6, $4, $7, '', '', $8, $8, p.deadline_at, 1
  FROM (SELECT 1) AS one LEFT JOIN tasks p ON p.id = $3
  WHERE p.id IS NULL OR $2 = '' OR coalesce(nullif(p.namespace, ''), 'default') = $2
  ON CONFLICT(id) DO NOTHING RETURNING sequence
), outcome AS (
  INSERT INTO task_results(task, result, error) SELECT sequence, $9, $10 FROM registered
  WHERE $5 >= 3 AND ($9 <> '' OR $10 <> '')
), event AS (
  INSERT INTO task_events(task, at, type, data) SELECT sequence, $8, 'status', $11 FROM registered
)
SELECT sequence FROM registered)sql";

// Either the status moves forward, or the progress may. An event tells a move or a hop; a repeated hop finds its own
// bytes. Hops count also after the end: the relay of the last actor reports on its own.
constexpr const char* kApply = R"sql(
WITH moved AS (
  UPDATE tasks SET status = $2, progress = greatest(progress, $3),
    current_actor = CASE WHEN $4 = '' THEN current_actor ELSE $4 END,
    reason = CASE WHEN $5 = '' THEN reason ELSE $5 END, updated_at = $6, version = version + 1
  WHERE sequence = $1 AND status < $2 AND status < 3 RETURNING sequence
), outcome AS (
  INSERT INTO task_results(task, result, error) SELECT sequence, $7, $8 FROM moved
  WHERE $2 >= 3 AND ($7 <> '' OR $8 <> '') ON CONFLICT DO NOTHING
), told AS (
  INSERT INTO task_events(task, at, type, data) SELECT sequence, $6, 'status', $9 FROM moved
), advanced AS (
  UPDATE tasks SET progress = $3, current_actor = CASE WHEN $4 = '' THEN current_actor ELSE $4 END,
    updated_at = $6, version = version + 1
  WHERE sequence = $1 AND progress < $3 AND status < 3 AND NOT EXISTS (SELECT FROM moved) RETURNING sequence
), hop AS (
  INSERT INTO task_events(task, at, type, data) SELECT $1, $6, 'status', $9
  WHERE $10 = 1 AND NOT EXISTS (SELECT FROM moved)
    AND (SELECT count(*) FROM task_events WHERE task = $1) < $11
    AND NOT EXISTS (SELECT FROM task_events WHERE task = $1 AND data = $9)
  RETURNING task
)
SELECT (SELECT count(*) FROM moved) + (SELECT count(*) FROM advanced) + (SELECT count(*) FROM hop))sql";

constexpr const char* kExpire = R"sql(
WITH due AS (
  SELECT sequence FROM tasks WHERE deadline_at IS NOT NULL AND status < 2 AND deadline_at <= $1
  ORDER BY deadline_at LIMIT $2 FOR UPDATE SKIP LOCKED
), expired AS (
  UPDATE tasks t SET status = 4, reason = $3, updated_at = $1, version = version + 1
  FROM due WHERE t.sequence = due.sequence RETURNING t.sequence, t.id
), outcome AS (
  INSERT INTO task_results(task, result, error) SELECT sequence, '', $4 FROM expired ON CONFLICT DO NOTHING
), told AS (
  INSERT INTO task_events(task, at, type, data) SELECT sequence, $1, 'status', $5 FROM expired
)
SELECT id FROM expired)sql";

struct PreparedReport {
  const TaskReport& report;
  std::int64_t progress;
  std::string event_data;
};

PreparedReport Prepare(const TaskReport& report) {
  const double progress = report.status == TaskStatus::kSucceeded ? 1.0 : report.progress;
  return PreparedReport{report, ToMillionths(progress),
                        EventData(report.status, progress, report.current_actor, report.reason, report.hop_json)};
}

struct Locked {
  std::int64_t sequence = 0;
  std::string namespace_;
};
using LockedTasks = std::map<std::string, Locked>;  // by id

Status Lock(Transaction& transaction, const std::vector<std::string>& ids, LockedTasks& locked) {
  ASYA_TRY(const Rows rows, transaction.Execute(kLockTasks, Parameters().Add(ids)));
  for (std::size_t row = 0; row < rows.size(); ++row) locked[rows.Text(row, 0)] = {rows.Int(row, 1), rows.Text(row, 2)};
  return Ok();
}

// True: the child is new, and this report was its first.
Result<bool> Register(Transaction& transaction, const PreparedReport& prepared, WallTime now, LockedTasks& locked) {
  const TaskReport& report = prepared.report;
  ASYA_TRY(const Rows rows, transaction.Execute(kRegister, Parameters()
                                                               .Add(report.task_id)
                                                               .Add(report.namespace_)
                                                               .Add(report.parent_id)
                                                               .Add(report.current_actor)
                                                               .Add(Number(report.status))
                                                               .Add(prepared.progress)
                                                               .Add(report.reason)
                                                               .Add(ToMicroseconds(now))
                                                               .Add(report.result_json)
                                                               .Add(report.error_json)
                                                               .Add(prepared.event_data)));
  if (rows.empty()) {
    // Another process registered it meanwhile, or its parent is none of the reporter's.
    ASYA_TRY_STATUS(Lock(transaction, {report.task_id}, locked));
    return false;
  }
  locked[report.task_id] = {rows.Int(0, 0), report.namespace_};
  return true;
}

// Whether anything changed.
Result<bool> ApplyTo(Transaction& transaction, std::int64_t task, const PreparedReport& prepared, WallTime now) {
  const TaskReport& report = prepared.report;
  // An end that is told again, by a relay that died before it could acknowledge, is no second end.
  const bool tells_a_hop = !report.hop_json.empty() && !ports::IsTerminal(report.status);
  ASYA_TRY(const Rows rows, transaction.Execute(kApply, Parameters()
                                                            .Add(task)
                                                            .Add(Number(report.status))
                                                            .Add(prepared.progress)
                                                            .Add(report.current_actor)
                                                            .Add(report.reason)
                                                            .Add(ToMicroseconds(now))
                                                            .Add(report.result_json)
                                                            .Add(report.error_json)
                                                            .Add(prepared.event_data)
                                                            .Add(std::int64_t{tells_a_hop ? 1 : 0})
                                                            .Add(kHopEventsPerTaskMax)));
  return rows.Int(0, 0) > 0;
}

Status Apply(Transaction& transaction, const PreparedReport& prepared, WallTime now, LockedTasks& locked,
             std::vector<std::string>& changed) {
  const TaskReport& report = prepared.report;
  auto found = locked.find(report.task_id);
  if (found == locked.end() && !report.parent_id.empty()) {
    ASYA_TRY(const bool registered, Register(transaction, prepared, now, locked));
    if (registered) {
      changed.push_back(report.task_id);
      changed.push_back(report.parent_id);
      return Ok();
    }
    found = locked.find(report.task_id);
  }
  if (found == locked.end() || !ports::MaySpeakOf(report.namespace_, found->second.namespace_)) return Ok();
  ASYA_TRY(const bool did, ApplyTo(transaction, found->second.sequence, prepared, now));
  if (did) changed.push_back(report.task_id);
  return Ok();
}

}  // namespace

Status TaskStore::Report(const std::vector<TaskReport>& reports) {
  if (reports.empty()) return Ok();
  std::vector<PreparedReport> prepared;
  Ids ids;
  for (const auto& report : reports) {
    prepared.push_back(Prepare(report));
    ids.push_back(report.task_id);
  }
  const auto apply = [&](Transaction& transaction, Ids& changed) -> Status {
    LockedTasks locked;
    ASYA_TRY_STATUS(Lock(transaction, ids, locked));
    const WallTime now = clock_.Now();
    for (const auto& one : prepared) ASYA_TRY_STATUS(Apply(transaction, one, now, locked, changed));
    return Ok();
  };
  return Write(apply);
}

Status TaskStore::Cancel(const std::string& id) {
  TaskReport report;
  report.task_id = id;
  report.status = TaskStatus::kCanceled;
  const PreparedReport prepared = Prepare(report);
  const auto cancel = [&](Transaction& transaction, Ids& changed) -> Status {
    LockedTasks locked;
    ASYA_TRY_STATUS(Lock(transaction, {id}, locked));
    if (locked.empty()) return NoSuchTask(id);
    return Apply(transaction, prepared, clock_.Now(), locked, changed);
  };
  return Write(cancel);
}

Result<std::int64_t> TaskStore::ExpireDeadlines(WallTime now) {
  constexpr std::int64_t kBatchTasks = 500;  // in one transaction
  std::int64_t total = 0;
  std::int64_t expired = kBatchTasks;
  const auto expire = [&](Transaction& transaction, Ids& changed) -> Status {
    ASYA_TRY(const Rows rows,
             transaction.Execute(kExpire, Parameters()
                                              .Add(ToMicroseconds(now))
                                              .Add(kBatchTasks)
                                              .Add(kTimeoutReason)
                                              .Add(TimeoutErrorJson())
                                              .Add(EventData(TaskStatus::kFailed, 0, "", kTimeoutReason, ""))));
    for (std::size_t row = 0; row < rows.size(); ++row) changed.push_back(rows.Text(row, 0));
    expired = static_cast<std::int64_t>(rows.size());
    return Ok();
  };
  while (expired == kBatchTasks) {
    ASYA_TRY_STATUS(Write(expire));
    total += expired;
  }
  return total;
}

}  // namespace asya::storage::postgres
