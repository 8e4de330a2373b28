#include "storage/sqlite/task_writes.h"

#include <algorithm>

#include "storage/sqlite/rows.h"
#include "storage/sqlite/task_rows.h"

namespace asya::storage::sqlite {

using ports::Task;
using ports::TaskStatus;
using sql::sqlite::Statement;
using sql::sqlite::Transaction;

namespace {

// Tasks only go forward, and an end is final.
bool CanMove(TaskStatus from, TaskStatus to) { return from < to && !ports::IsTerminal(from); }

constexpr std::int64_t Number(TaskStatus status) { return static_cast<std::int64_t>(status); }

// Empty reports keep what is known.
constexpr const char* kMove = R"sql(
UPDATE tasks SET status = ?2, progress = max(progress, ?3),
  current_actor = CASE WHEN ?4 = '' THEN current_actor ELSE ?4 END,
  reason = CASE WHEN ?5 = '' THEN reason ELSE ?5 END,
  updated_at = ?6, version = version + 1
WHERE sequence = ?1)sql";

constexpr const char* kAdvance = R"sql(
UPDATE tasks SET progress = ?2, current_actor = CASE WHEN ?3 = '' THEN current_actor ELSE ?3 END,
  updated_at = ?4, version = version + 1
WHERE sequence = ?1)sql";

// A fan-out child: it belongs to the flow of its parent and ends by the same deadline. Of a parent in another namespace
// (who may speak of what: MaySpeakOf) there is none.
constexpr const char* kRegister = R"sql(
INSERT INTO tasks(id, namespace, parent_id, flow, actor, status, progress, current_actor, reason, replay_of, labels,
                  created_at, updated_at, deadline_at, version)
SELECT ?1, ?2, ?3, coalesce(p.flow, ''), ?4, ?5, ?6, ?4, ?7, '', '', ?8, ?8, p.deadline_at, 1
FROM (SELECT 1) LEFT JOIN tasks p ON p.id = ?3
WHERE p.id IS NULL OR ?2 = '' OR coalesce(nullif(p.namespace, ''), 'default') = ?2
ON CONFLICT(id) DO NOTHING RETURNING sequence)sql";

Result<std::optional<std::int64_t>> FirstInt(Statement& statement) {
  ASYA_TRY(const bool found, statement.Step());
  if (!found) return std::optional<std::int64_t>();
  const std::int64_t value = statement.Int(0);
  statement.Reset();
  return std::optional<std::int64_t>(value);
}

// The task that has the key already, or nothing.
Result<std::optional<std::int64_t>> Earlier(Transaction& transaction, const ports::IdempotencyKey& key) {
  ASYA_TRY(auto* const row, transaction.Prepare("SELECT task, digest FROM idempotency_keys WHERE key = ?1"));
  ASYA_TRY(const bool found, row->Bind(1, key.key).Step());
  if (!found) return std::optional<std::int64_t>();
  if (row->View(1) != key.payload_digest) {
    return Error{ErrorCode::kConflict, "the idempotency key was used with another payload", "idempotencyKey"};
  }
  return std::optional<std::int64_t>(row->Int(0));
}

Result<std::int64_t> InsertTask(Transaction& transaction, const Task& task, std::int64_t first_event) {
  ASYA_TRY(auto* const insert,
           transaction.Prepare(
               "INSERT INTO tasks(id, namespace, parent_id, flow, actor, status, progress, "
               "current_actor, reason, replay_of, labels, created_at, updated_at, deadline_at, version, first_event) "
               "VALUES(?1, ?2, ?3, ?4, ?5, 0, 0, ?10, '', ?6, ?7, ?8, ?8, ?9, 1, ?11)"));
  insert->BindKept(1, task.id)
      .BindKept(2, task.namespace_)
      .BindKept(3, task.parent_id)
      .BindKept(4, task.flow)
      .BindKept(5, task.actor)
      .BindKept(6, task.replay_of)
      .BindKept(7, task.labels_json)
      .Bind(8, ToMicroseconds(task.created_at))
      .BindKept(10, task.current_actor)
      .Bind(11, first_event);
  if (task.deadline_at) insert->Bind(9, ToMicroseconds(*task.deadline_at));
  if (Status inserted = insert->Run(); !inserted.ok()) {
    if (inserted.error().code != ErrorCode::kExists) return inserted.error();
    return Fail(ErrorCode::kExists, "task \"" + task.id + "\" already exists");
  }
  return transaction.LastInsertId();
}

Status InsertInput(Transaction& transaction, std::int64_t sequence, const Task& task) {
  ASYA_TRY(auto* const insert,
           transaction.Prepare("INSERT INTO task_inputs(task, payload, headers) VALUES(?1, ?2, ?3)"));
  return insert->Bind(1, sequence).BindKept(2, task.payload_json).BindKept(3, task.headers_json).Run();
}

Status InsertKey(Transaction& transaction, std::int64_t sequence, const ports::IdempotencyKey& key) {
  ASYA_TRY(auto* const insert,
           transaction.Prepare("INSERT INTO idempotency_keys(key, digest, task) VALUES(?1, ?2, ?3)"));
  return insert->Bind(1, key.key).Bind(2, key.payload_digest).Bind(3, sequence).Run();
}

}  // namespace

Result<std::optional<std::int64_t>> TaskStore::Writes::Create(Transaction& transaction, Task& task,
                                                              const ports::FirstMessage& message,
                                                              const std::optional<ports::IdempotencyKey>& key) {
  if (key) {
    ASYA_TRY(const auto earlier, Earlier(transaction, *key));
    if (earlier) return earlier;
  }
  const WallTime now = clock_.Now();
  task.status = TaskStatus::kPending;
  task.progress = 0;
  task.version = 1;
  task.created_at = task.updated_at = now;
  first_event = ports::TaskEvent{NextEvent(now), task.id, now, kStatusEvent, kFirstEventData};
  ASYA_TRY(const std::int64_t sequence, InsertTask(transaction, task, first_event.sequence));
  ASYA_TRY_STATUS(InsertInput(transaction, sequence, task));
  if (key) ASYA_TRY_STATUS(InsertKey(transaction, sequence, *key));
  recent_.Put(
      task.id,
      TaskRow{sequence, TaskStatus::kPending, 0, true, {RecentTasks::PrintOf(kFirstEventData)}, task.namespace_});
  ASYA_TRY_STATUS(enqueue_(transaction, message));
  Began(task.id);
  return std::optional<std::int64_t>();
}

Status TaskStore::Writes::Apply(Transaction& transaction, const PreparedReport& prepared) {
  step_ = {};
  ASYA_TRY_STATUS(ApplyOne(transaction, prepared));
  if (!step_.moved && !step_.event) return Ok();
  step_.id = prepared.report.task_id;
  steps.push_back(std::move(step_));
  return Ok();
}

Status TaskStore::Writes::ApplyOne(Transaction& transaction, const PreparedReport& prepared) {
  const ports::TaskReport& report = prepared.report;
  const WallTime now = clock_.Now();
  ASYA_TRY(TaskRow* const row, Find(transaction, report.task_id));
  if (row == nullptr) {
    if (report.parent_id.empty()) return Ok();
    ASYA_TRY(TaskRow* const registered, Register(transaction, prepared, now));
    return registered != nullptr ? Moved(transaction, *registered, prepared, now) : Ok();
  }
  if (!ports::MaySpeakOf(report.namespace_, row->namespace_)) return Ok();
  if (CanMove(row->status, report.status)) {
    ASYA_TRY_STATUS(Move(transaction, *row, prepared, now));
    return Moved(transaction, *row, prepared, now);
  }
  if (prepared.progress > row->progress && !ports::IsTerminal(row->status)) {
    ASYA_TRY_STATUS(AdvanceProgress(transaction, *row, prepared, now));
    Changed(report.task_id, false);
  }
  // An end that is told again, by a relay that died before it could acknowledge, is no second end.
  if (report.hop_json.empty() || ports::IsTerminal(report.status)) return Ok();
  return PutHopEvent(transaction, *row, prepared, now);
}

Status TaskStore::Writes::Moved(Transaction& transaction, TaskRow& task, const PreparedReport& prepared, WallTime now) {
  const ports::TaskReport& report = prepared.report;
  const bool ended = ports::IsTerminal(report.status);
  Changed(report.task_id, ended);
  if (ended && !(report.result_json.empty() && report.error_json.empty())) {
    ASYA_TRY_STATUS(PutResult(transaction, task.sequence, report.result_json, report.error_json));
  }
  return PutEvent(transaction, task, report.task_id, now, prepared.event_data);
}

Result<TaskRow*> TaskStore::Writes::Find(Transaction& transaction, const std::string& id) {
  if (TaskRow* const known = recent_.Find(id); known != nullptr) return known;
  ASYA_TRY(auto* const found,
           transaction.Prepare("SELECT sequence, status, progress, namespace FROM tasks WHERE id = ?1"));
  ASYA_TRY(const bool there, found->BindKept(1, id).Step());
  if (!there) return nullptr;
  return &recent_.Put(
      id, TaskRow{found->Int(0), static_cast<TaskStatus>(found->Int(1)), found->Int(2), false, {}, found->Text(3)});
}

Status TaskStore::Writes::Move(Transaction& transaction, TaskRow& task, const PreparedReport& prepared, WallTime now) {
  ASYA_TRY(auto* const move, transaction.Prepare(kMove));
  ASYA_TRY_STATUS(move->Bind(1, task.sequence)
                      .Bind(2, Number(prepared.report.status))
                      .Bind(3, prepared.progress)
                      .BindKept(4, prepared.report.current_actor)
                      .BindKept(5, prepared.report.reason)
                      .Bind(6, ToMicroseconds(now))
                      .Run());
  task.status = prepared.report.status;
  task.progress = std::max(task.progress, prepared.progress);
  step_.reason = prepared.report.reason;
  NoteStep(task, prepared, now);
  return Ok();
}

Status TaskStore::Writes::AdvanceProgress(Transaction& transaction, TaskRow& task, const PreparedReport& prepared,
                                          WallTime now) {
  ASYA_TRY(auto* const advance, transaction.Prepare(kAdvance));
  ASYA_TRY_STATUS(advance->Bind(1, task.sequence)
                      .Bind(2, prepared.progress)
                      .BindKept(3, prepared.report.current_actor)
                      .Bind(4, ToMicroseconds(now))
                      .Run());
  task.progress = prepared.progress;
  NoteStep(task, prepared, now);
  return Ok();
}

void TaskStore::Writes::NoteStep(const TaskRow& task, const PreparedReport& prepared, WallTime now) {
  step_.moved = true;
  step_.status = task.status;
  step_.progress = FromMillionths(task.progress);
  step_.actor = prepared.report.current_actor;
  step_.at = now;
}

Result<TaskRow*> TaskStore::Writes::Register(Transaction& transaction, const PreparedReport& prepared, WallTime now) {
  const ports::TaskReport& report = prepared.report;
  ASYA_TRY(auto* const insert, transaction.Prepare(kRegister));
  insert->BindKept(1, report.task_id)
      .BindKept(2, report.namespace_)
      .BindKept(3, report.parent_id)
      .BindKept(4, report.current_actor)
      .Bind(5, Number(report.status))
      .Bind(6, prepared.progress)
      .BindKept(7, report.reason)
      .Bind(8, ToMicroseconds(now));
  ASYA_TRY(const auto registered, FirstInt(*insert));
  if (!registered) return nullptr;
  Changed(report.parent_id, false);
  ForgetView(report.parent_id);
  return &recent_.Put(report.task_id,
                      TaskRow{*registered, report.status, prepared.progress, true, {}, report.namespace_});
}

Status TaskStore::Writes::PutResult(Transaction& transaction, std::int64_t task, const std::string& result,
                                    const std::string& error) {
  ASYA_TRY(auto* const put, transaction.Prepare("INSERT INTO task_results(task, result, error) VALUES(?1, ?2, ?3) "
                                                "ON CONFLICT(task) DO NOTHING"));
  step_.result_json = result;
  step_.error_json = error;
  return put->Bind(1, task).BindKept(2, result).BindKept(3, error).Run();
}

Status TaskStore::Writes::PutEvent(Transaction& transaction, TaskRow& task, const std::string& id, WallTime now,
                                   const std::string& data) {
  ASYA_TRY(auto* const put, transaction.Prepare("INSERT INTO task_events(task, sequence, at, type, data) "
                                                "VALUES(?1, ?2, ?3, ?4, ?5)"));
  const std::int64_t sequence = NextEvent(now);
  ASYA_TRY_STATUS(put->Bind(1, task.sequence)
                      .Bind(2, sequence)
                      .Bind(3, ToMicroseconds(now))
                      .BindKept(4, kStatusEvent)
                      .BindKept(5, data)
                      .Run());
  RecentTasks::Note(task, RecentTasks::PrintOf(data));
  step_.event = ports::TaskEvent{sequence, id, now, kStatusEvent, data};
  return Ok();
}

Status TaskStore::Writes::ReadEvents(Transaction& transaction, TaskRow& task) {
  ASYA_TRY(auto* const events, transaction.Prepare("SELECT data FROM task_events WHERE task = ?1 UNION ALL "
                                                   "SELECT ?2 FROM tasks WHERE sequence = ?1 AND first_event > 0"));
  events->Bind(1, task.sequence).BindKept(2, kFirstEventData);
  task.events.clear();
  for (;;) {
    ASYA_TRY(const bool found, events->Step());
    if (!found) break;
    task.events.push_back(RecentTasks::PrintOf(events->View(0)));
  }
  task.knows_events = true;
  return Ok();
}

Status TaskStore::Writes::PutHopEvent(Transaction& transaction, TaskRow& task, const PreparedReport& prepared,
                                      WallTime now) {
  // A repeated report finds its own print. Hops count also after the end: the relay of the last actor reports on its
  // own.
  if (!task.knows_events) ASYA_TRY_STATUS(ReadEvents(transaction, task));
  if (static_cast<std::int64_t>(task.events.size()) >= kHopEventsPerTaskMax) return Ok();
  const std::size_t print = RecentTasks::PrintOf(prepared.event_data);
  if (std::find(task.events.begin(), task.events.end(), print) != task.events.end()) return Ok();
  Changed(prepared.report.task_id, false);
  return PutEvent(transaction, task, prepared.report.task_id, now, prepared.event_data);
}

Status TaskStore::Writes::Cancel(Transaction& transaction, const std::string& id) {
  ASYA_TRY(TaskRow* const task, Find(transaction, id));
  if (task == nullptr) return NoSuchTask(id);
  if (!CanMove(task->status, TaskStatus::kCanceled)) return Ok();
  PreparedReport prepared;
  prepared.report.status = TaskStatus::kCanceled;
  prepared.event_data = EventData(TaskStatus::kCanceled, 0, "", "", "");
  const WallTime now = clock_.Now();
  ASYA_TRY_STATUS(Move(transaction, *task, prepared, now));
  Changed(id, true);
  ForgetView(id);
  return PutEvent(transaction, *task, id, now, prepared.event_data);
}

Result<std::int64_t> TaskStore::Writes::ExpireBatch(Transaction& transaction, WallTime now, std::int64_t limit) {
  std::vector<std::pair<std::int64_t, std::string>> expired;
  // Paused tasks are left alone: their deadline is frozen.
  ASYA_TRY(auto* const expire,
           transaction.Prepare("UPDATE tasks SET status = 4, reason = ?3, updated_at = ?1, version = version + 1 "
                               "WHERE sequence IN (SELECT sequence FROM tasks WHERE deadline_at IS NOT NULL "
                               "AND status < 2 AND deadline_at <= ?1 ORDER BY deadline_at LIMIT ?2) "
                               "RETURNING sequence, id"));
  expire->Bind(1, ToMicroseconds(now)).Bind(2, limit).Bind(3, std::string_view(kTimeoutReason));
  for (;;) {
    ASYA_TRY(const bool found, expire->Step());
    if (!found) break;
    expired.emplace_back(expire->Int(0), expire->Text(1));
  }
  for (const auto& [sequence, id] : expired) {
    ASYA_TRY_STATUS(PutResult(transaction, sequence, "", TimeoutErrorJson()));
    TaskRow row;
    row.sequence = sequence;
    ASYA_TRY_STATUS(PutEvent(transaction, row, id, now, EventData(TaskStatus::kFailed, 0, "", kTimeoutReason, "")));
    recent_.Forget(id);
    ForgetView(id);
    Changed(id, true);
  }
  return static_cast<std::int64_t>(expired.size());
}

void TaskStore::Writes::ForgetAll() {
  recent_.Clear();
  views.Clear();
}

std::int64_t TaskStore::Writes::NextEvent(WallTime now) {
  // The time in microseconds, so that the numbers go on growing after a restart without a table of their own.
  last_event = std::max(last_event + 1, ToMicroseconds(now));
  return last_event;
}

void TaskStore::Writes::Began(const std::string& id) { changed.push_back({id, false, true}); }

void TaskStore::Writes::Changed(const std::string& id, bool ended) {
  // Reports of one batch are of different tasks, most often, and a hint that comes twice says no more than once.
  if (changed.empty() || changed.back().task_id != id) {
    changed.push_back({id, ended, false});
  } else {
    changed.back().may_have_ended = changed.back().may_have_ended || ended;
  }
}

}  // namespace asya::storage::sqlite
