// TaskStore::Writes: the state changes of tasks, each one guarded statement, on the writer thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

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

  // `task` is set to what is stored in the end, unless an earlier one has the key: then its sequence is returned.
  Result<std::optional<std::int64_t>> Create(sql::sqlite::Transaction& transaction, ports::Task& task,
                                             const ports::FirstMessage& message,
                                             const std::optional<ports::IdempotencyKey>& key);
  Status Apply(sql::sqlite::Transaction& transaction, const PreparedReport& prepared);
  Status Cancel(sql::sqlite::Transaction& transaction, const std::string& id);
  Result<std::int64_t> ExpireBatch(sql::sqlite::Transaction& transaction, WallTime now, std::int64_t limit);

  // The tasks changed by the job that runs now.
  std::vector<ports::TaskChange> changed;
  void Changed(const std::string& id, bool ended);
  void Began(const std::string& id);
  std::int64_t last_event = 0;  // sequence of the last event written
  Subscribers subscribers;

 private:
  // A task as it is; only the writer thread changes it, so what was read stays true within a job.
  struct Row {
    std::int64_t sequence = 0;
    ports::TaskStatus status = ports::TaskStatus::kPending;
    std::int64_t progress = 0;  // millionths
  };
  // Nothing where there is none.
  Result<std::optional<Row>> Find(sql::sqlite::Transaction& transaction, const std::string& id);
  Status Move(sql::sqlite::Transaction& transaction, const Row& task, const PreparedReport& prepared, WallTime now);
  Status AdvanceProgress(sql::sqlite::Transaction& transaction, const Row& task, const PreparedReport& prepared,
                         WallTime now);
  // Nothing where another child has the id.
  Result<std::optional<std::int64_t>> Register(sql::sqlite::Transaction& transaction, const PreparedReport& prepared,
                                               WallTime now);
  // What follows on a change of status: result, event, hint.
  Status Moved(sql::sqlite::Transaction& transaction, std::int64_t task, const PreparedReport& prepared, WallTime now);
  Status PutResult(sql::sqlite::Transaction& transaction, std::int64_t task, const std::string& result,
                   const std::string& error);
  Status PutEvent(sql::sqlite::Transaction& transaction, std::int64_t task, WallTime now, const std::string& data);
  Status PutHopEvent(sql::sqlite::Transaction& transaction, std::int64_t task, const PreparedReport& prepared,
                     WallTime now);
  std::int64_t NextEvent(WallTime now);

  const Clock& clock_;
  const Enqueue enqueue_;
};

}  // namespace asya::storage::sqlite
