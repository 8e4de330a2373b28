// TaskStore::Writes: the state changes of tasks, each one guarded statement, on the writer thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/sqlite/recent_tasks.h"
#include "storage/sqlite/recent_views.h"
#include "storage/sqlite/task_store.h"

namespace asya::storage::sqlite {

// A report with everything made ready that needs no database.
struct PreparedReport {
  ports::TaskReport report;
  std::int64_t progress = 0;  // millionths
  std::string event_data;
};

class TaskStore::Writes {
 public:
  Writes(const Clock& clock, Enqueue enqueue) : clock_(clock), enqueue_(std::move(enqueue)) {}

  // At the begin of each job.
  void Begin(const sql::sqlite::Transaction& transaction) {
    changed.clear();
    steps.clear();
    recent_.Follow(transaction.undone());
  }
  // `task` is set to what is stored in the end, unless an earlier one has the key: then its sequence is returned.
  Result<std::optional<std::int64_t>> Create(sql::sqlite::Transaction& transaction, ports::Task& task,
                                             const ports::FirstMessage& message,
                                             const std::optional<ports::IdempotencyKey>& key);
  Status Apply(sql::sqlite::Transaction& transaction, const PreparedReport& prepared);
  Status Cancel(sql::sqlite::Transaction& transaction, const std::string& id);
  Result<std::int64_t> ExpireBatch(sql::sqlite::Transaction& transaction, WallTime now, std::int64_t limit);

  // For a job that deletes tasks.
  void ForgetAll();

  // Of the job that runs now: the tasks changed, and what became of those in `views`.
  std::vector<ports::TaskChange> changed;
  std::vector<TaskStep> steps;
  ports::TaskEvent first_event;  // of the task that the job made
  RecentViews views;             // of what is durable
  void Changed(const std::string& id, bool ended);
  void Began(const std::string& id);
  std::int64_t last_event = 0;  // sequence of the last event written
  Subscribers subscribers;

 private:
  // Nothing where there is none.
  Result<TaskRow*> Find(sql::sqlite::Transaction& transaction, const std::string& id);
  Status ApplyOne(sql::sqlite::Transaction& transaction, const PreparedReport& prepared);
  Status Move(sql::sqlite::Transaction& transaction, TaskRow& task, const PreparedReport& prepared, WallTime now);
  Status AdvanceProgress(sql::sqlite::Transaction& transaction, TaskRow& task, const PreparedReport& prepared,
                         WallTime now);
  // Nothing where another child has the id.
  Result<TaskRow*> Register(sql::sqlite::Transaction& transaction, const PreparedReport& prepared, WallTime now);
  // What follows on a change of status: result, event, hint.
  Status Moved(sql::sqlite::Transaction& transaction, TaskRow& task, const PreparedReport& prepared, WallTime now);
  Status PutResult(sql::sqlite::Transaction& transaction, std::int64_t task, const std::string& result,
                   const std::string& error);
  Status PutEvent(sql::sqlite::Transaction& transaction, TaskRow& task, const std::string& id, WallTime now,
                  const std::string& data);
  Status PutHopEvent(sql::sqlite::Transaction& transaction, TaskRow& task, const PreparedReport& prepared,
                     WallTime now);
  Status ReadEvents(sql::sqlite::Transaction& transaction, TaskRow& task);
  std::int64_t NextEvent(WallTime now);
  void NoteStep(const TaskRow& task, const PreparedReport& prepared, WallTime now);
  void ForgetView(const std::string& id) {
    TaskStep& step = steps.emplace_back();
    step.id = id;
    step.forget = true;
  }

  const Clock& clock_;
  const Enqueue enqueue_;
  RecentTasks recent_;
  TaskStep step_;  // of the report that is being applied
};

}  // namespace asya::storage::sqlite
