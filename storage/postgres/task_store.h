// postgres::TaskStore: tasks, their events and the dead letters in one PostgreSQL database that several processes
// share.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/sql/postgres/database.h"
#include "core/sql/postgres/listener.h"
#include "ports/task_store.h"
#include "storage/subscribers.h"
#include "storage/task_story.h"

namespace asya::storage::postgres {

// Puts the first message of a task into its queue, within the transaction that stores the task. kUnroutable: no queue.
// May be called again when the transaction is run again after a deadlock.
using Enqueue = std::function<Status(sql::postgres::Transaction& transaction, const ports::FirstMessage& message)>;

class TaskStore final : public ports::TaskStore {
 public:
  // The database has been opened with Migrations() and outlives this.
  TaskStore(sql::postgres::Database& database, const Clock& clock, Enqueue enqueue,
            const TaskRetention& retention = {});
  ~TaskStore() override;

  // Between Start and Stop subscribers also hear of what other processes change; such hints may be lost.
  void Start();
  void Stop();

  Result<ports::Task> Create(const ports::Task& task, const ports::FirstMessage& message,
                             const std::optional<ports::IdempotencyKey>& key) override;
  Result<ports::Task> Get(const std::string& id) override;
  Result<ports::TaskPage> List(const ports::TaskFilter& filter) override;
  Result<std::vector<ports::Task>> Children(const std::string& parent_id) override;
  Status Report(const std::vector<ports::TaskReport>& reports) override;
  Status Cancel(const std::string& id) override;
  Result<std::vector<ports::TaskEvent>> Events(const std::string& task_id, std::int64_t after) override;
  Result<std::int64_t> ExpireDeadlines(WallTime now) override;
  // Times are those of the writes; ask from a little before the last answer, since a write takes a moment to commit.
  Result<std::vector<ports::CanceledTask>> CanceledSince(WallTime since,
                                                         const std::optional<std::string>& namespace_) override;
  Status PutDeadLetters(const std::vector<ports::DeadLetter>& letters) override;
  Result<ports::DeadLetter> GetDeadLetter(const std::string& id) override;
  Result<ports::DeadLetterPage> ListDeadLetters(const ports::DeadLetterFilter& filter) override;
  Status MarkReplayed(const std::string& dead_letter_id, const std::string& task_id) override;
  [[nodiscard]] std::shared_ptr<void> Subscribe(
      std::function<void(const ports::TaskChange& change)> on_change) override;

  // Drops finished tasks that the retention does not keep; to be called about once a minute. Returns how many.
  Result<std::int64_t> DropOld(WallTime now);
  // The same for dead letters.
  Result<std::int64_t> DropOldDeadLetters(WallTime now);

 private:
  using Ids = std::vector<std::string>;
  // Runs `job`, which notes the ids it changes; then tells the subscribers here and in the other processes.
  Status Write(const std::function<Status(sql::postgres::Transaction& transaction, Ids& changed)>& job);
  Status NotifyOthers(sql::postgres::Transaction& transaction, const Ids& changed) const;
  void OnHint(const std::string& payload) const;
  void Tell(const Ids& ids) const;

  sql::postgres::Database& database_;
  const Clock& clock_;
  const Enqueue enqueue_;
  const TaskRetention retention_;
  const std::string instance_;  // by which a process knows its own hints
  Subscribers subscribers_;
  sql::postgres::Listener listener_;
};

}  // namespace asya::storage::postgres
