// sqlite::TaskStore: tasks, their events and the dead letters in one SQLite file that this process owns.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/sql/sqlite/database.h"
#include "ports/task_store.h"
#include "storage/subscribers.h"
#include "storage/task_story.h"

namespace asya::storage::sqlite {

// Puts the first message of a task into its queue, within the transaction that stores the task. kUnroutable: no queue.
using Enqueue = std::function<Status(sql::sqlite::Transaction& transaction, const ports::FirstMessage& message)>;

struct TaskStoreSettings {
  std::chrono::milliseconds write_timeout{10'000};  // a write that takes longer gives kTimeout; its outcome is unknown
  TaskRetention retention;
};

class TaskStore final : public ports::TaskStore {
 public:
  // The database has been opened with Migrations() and outlives this.
  TaskStore(sql::sqlite::Database& database, const Clock& clock, Enqueue enqueue,
            const TaskStoreSettings& settings = {});
  ~TaskStore() override;

  // Before any other call. Fails when the database cannot be read.
  Status Start();

  Result<ports::Task> Create(const ports::Task& task, const ports::FirstMessage& message,
                             const std::optional<ports::IdempotencyKey>& key) override;
  void CreateThen(ports::Task task, ports::FirstMessage message, std::optional<ports::IdempotencyKey> key,
                  std::function<void(Result<ports::Task>)> done) override;
  Result<ports::Task> Get(const std::string& id) override;
  Result<ports::TaskView> View(const std::string& id) override;
  Result<ports::TaskPage> List(const ports::TaskFilter& filter) override;
  Result<std::vector<ports::Task>> Children(const std::string& parent_id) override;
  Status Report(const std::vector<ports::TaskReport>& reports) override;
  void ReportThen(std::vector<ports::TaskReport> reports, std::function<void(Status)> done) override;
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
  class Writes;  // what runs on the writer thread
  using Job = std::function<Status(sql::sqlite::Transaction& transaction, Writes& writes)>;
  // Runs `job` there, then tells the subscribers which tasks it changed.
  Status Write(Job job);
  // The same; `done` is called afterwards, on that thread, or at once where nothing can be written.
  void WriteThen(Job job, std::function<void(const Status&)> done);
  // Calls `begin` with what is to be called in the end, and waits for that as long as a write may take.
  template <class T>
  T Await(const std::function<void(std::function<void(T)> done)>& begin);

  sql::sqlite::Database& database_;
  const TaskStoreSettings settings_;
  std::shared_ptr<Writes> writes_;  // shared with writes that nobody waits for any more
};

}  // namespace asya::storage::sqlite
