#include "storage/sqlite/task_store.h"

#include <utility>

#include "storage/sqlite/bounded_write.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/task_rows.h"
#include "storage/sqlite/task_writes.h"

namespace asya::storage::sqlite {

using ports::Task;
using sql::sqlite::Transaction;

TaskStore::TaskStore(sql::sqlite::Database& database, const Clock& clock, Enqueue enqueue,
                     const TaskStoreSettings& settings)
    : database_(database), settings_(settings), writes_(std::make_shared<Writes>(clock, std::move(enqueue))) {}

TaskStore::~TaskStore() = default;

Status TaskStore::Start() {
  return database_.Write([writes = writes_](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row, transaction.Prepare("SELECT coalesce(max(sequence), 0) FROM task_events"));
    ASYA_TRY(const bool found, row->Step());
    if (found) writes->last_event = row->Int(0);
    return Ok();
  });
}

Status TaskStore::Write(std::function<Status(Transaction&, Writes&)> job) {
  const auto changed = std::make_shared<std::vector<ports::TaskChange>>();
  return BoundedWrite(
      database_, settings_.write_timeout,
      [writes = writes_, changed, job = std::move(job)](Transaction& transaction) {
        writes->changed.clear();
        Status status = job(transaction, *writes);
        changed->swap(writes->changed);
        return status;
      },
      [writes = writes_, changed] { writes->subscribers.Notify(*changed); });
}

Result<Task> TaskStore::Create(const Task& task, const ports::FirstMessage& message,
                               const std::optional<ports::IdempotencyKey>& key) {
  struct Creation {
    Task task;
    ports::FirstMessage message;
    std::optional<ports::IdempotencyKey> key;
    std::optional<std::string> earlier;
  };
  const auto creation = std::make_shared<Creation>(Creation{task, message, key, std::nullopt});
  const auto create = [creation](Transaction& transaction, Writes& writes) -> Status {
    ASYA_TRY(const auto earlier, writes.Create(transaction, creation->task, creation->message, creation->key));
    if (!earlier) return Ok();
    ASYA_TRY(auto* const row, transaction.Prepare("SELECT id FROM tasks WHERE sequence = ?1"));
    ASYA_TRY(const bool found, row->Bind(1, *earlier).Step());
    if (found) creation->earlier = row->Text(0);
    return Ok();
  };
  ASYA_TRY_STATUS(Write(create));
  if (creation->earlier) return Get(*creation->earlier);
  return creation->task;
}

Result<Task> TaskStore::Get(const std::string& id) {
  std::optional<Task> task;
  const auto read = [&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row, transaction.Prepare(ASYA_SELECT_TASK "WHERE t.id = ?1"));
    ASYA_TRY(const bool found, row->Bind(1, id).Step());
    if (found) task = ReadTask(*row);
    return Ok();
  };
  ASYA_TRY_STATUS(database_.Read(read));
  if (!task) return NoSuchTask(id);
  return *std::move(task);
}

Status TaskStore::Report(const std::vector<ports::TaskReport>& reports) {
  if (reports.empty()) return Ok();
  // Whatever needs no database is done here, not on the one writer thread.
  auto prepared = std::make_shared<std::vector<PreparedReport>>();
  prepared->reserve(reports.size());
  for (const auto& report : reports) {
    const double progress = report.status == ports::TaskStatus::kSucceeded ? 1.0 : report.progress;
    prepared->push_back(
        PreparedReport{report, ToMillionths(progress),
                       EventData(report.status, progress, report.current_actor, report.reason, report.hop_json)});
  }
  return Write([prepared](Transaction& transaction, Writes& writes) -> Status {
    for (const auto& one : *prepared) ASYA_TRY_STATUS(writes.Apply(transaction, one));
    return Ok();
  });
}

Status TaskStore::Cancel(const std::string& id) {
  return Write([id](Transaction& transaction, Writes& writes) { return writes.Cancel(transaction, id); });
}

Result<std::int64_t> TaskStore::ExpireDeadlines(WallTime now) {
  constexpr std::int64_t kBatchTasks = 500;  // in one transaction, so that other writes wait for one batch at most
  const auto expired = std::make_shared<std::int64_t>(kBatchTasks);
  std::int64_t total = 0;
  while (*expired == kBatchTasks) {
    const auto expire = [now, expired](Transaction& transaction, Writes& writes) -> Status {
      ASYA_TRY(*expired, writes.ExpireBatch(transaction, now, kBatchTasks));
      return Ok();
    };
    ASYA_TRY_STATUS(Write(expire));
    total += *expired;
  }
  return total;
}

std::shared_ptr<void> TaskStore::Subscribe(std::function<void(const ports::TaskChange& change)> on_change) {
  return writes_->subscribers.Add(std::move(on_change));
}

}  // namespace asya::storage::sqlite
