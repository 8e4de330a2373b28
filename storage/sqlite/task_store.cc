#include "storage/sqlite/task_store.h"

#include <future>
#include <utility>

#include "storage/sqlite/rows.h"
#include "storage/sqlite/task_rows.h"
#include "storage/sqlite/task_writes.h"

namespace asya::storage::sqlite {

using ports::Task;
using sql::sqlite::Transaction;

namespace {

// The task made last may have no event yet but its first.
constexpr const char* kLastEvent =
    "SELECT max(coalesce((SELECT max(sequence) FROM task_events), 0), "
    "coalesce((SELECT first_event FROM tasks ORDER BY sequence DESC LIMIT 1), 0))";

}  // namespace

TaskStore::TaskStore(sql::sqlite::Database& database, const Clock& clock, Enqueue enqueue,
                     const TaskStoreSettings& settings)
    : database_(database), settings_(settings), writes_(std::make_shared<Writes>(clock, std::move(enqueue))) {}

TaskStore::~TaskStore() = default;

Status TaskStore::Start() {
  return database_.Write([writes = writes_](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row, transaction.Prepare(kLastEvent));
    ASYA_TRY(const bool found, row->Step());
    if (found) writes->last_event = row->Int(0);
    return Ok();
  });
}

void TaskStore::WriteThen(Job job, std::function<void(const Status&)> done) {
  struct Write {
    Job job;
    std::function<void(const Status&)> done;
    std::vector<ports::TaskChange> changed;
    std::vector<TaskStep> steps;
  };
  const auto write = std::make_shared<Write>(Write{std::move(job), std::move(done), {}, {}});
  const Status submitted = database_.Submit(
      [writes = writes_, write](Transaction& transaction) {
        writes->Begin(transaction);
        Status status = write->job(transaction, *writes);
        write->changed.swap(writes->changed);
        write->steps.swap(writes->steps);
        return status;
      },
      [writes = writes_, write](const Status& status) {
        if (status.ok()) {
          writes->views.Take(std::move(write->steps));
          writes->subscribers.Notify(write->changed);
        }
        write->done(status);
      });
  if (!submitted.ok()) write->done(submitted);
}

template <class T>
T TaskStore::Await(const std::function<void(std::function<void(T)> done)>& begin) {
  const auto finished = std::make_shared<std::promise<T>>();
  auto outcome = finished->get_future();
  begin([finished](T result) { finished->set_value(std::move(result)); });
  if (outcome.wait_for(settings_.write_timeout) == std::future_status::ready) return outcome.get();
  return Fail(ErrorCode::kTimeout, "the database did not finish a write within " +
                                       std::to_string(settings_.write_timeout.count()) + " ms; it may still happen");
}

Status TaskStore::Write(Job job) {
  return Await<Status>([&](std::function<void(Status)> done) { WriteThen(std::move(job), std::move(done)); });
}

Result<Task> TaskStore::Create(const Task& task, const ports::FirstMessage& message,
                               const std::optional<ports::IdempotencyKey>& key) {
  return Await<Result<Task>>(
      [&](std::function<void(Result<Task>)> done) { CreateThen(task, message, key, std::move(done)); });
}

void TaskStore::CreateThen(Task task, ports::FirstMessage message, std::optional<ports::IdempotencyKey> key,
                           std::function<void(Result<Task>)> done) {
  struct Creation {
    Task task;
    ports::FirstMessage message;
    std::optional<ports::IdempotencyKey> key;
    ports::TaskEvent first_event;
    std::optional<Task> earlier;
  };
  const auto creation =
      std::make_shared<Creation>(Creation{std::move(task), std::move(message), std::move(key), {}, std::nullopt});
  const auto create = [creation](Transaction& transaction, Writes& writes) -> Status {
    ASYA_TRY(const auto earlier, writes.Create(transaction, creation->task, creation->message, creation->key));
    creation->earlier.reset();
    if (!earlier) {
      creation->first_event = std::move(writes.first_event);
      return Ok();
    }
    ASYA_TRY(auto* const row, transaction.Prepare(ASYA_SELECT_TASK "WHERE t.sequence = ?1"));
    ASYA_TRY(const bool found, row->Bind(1, *earlier).Step());
    if (found) creation->earlier = ReadTask(*row);
    return Ok();
  };
  WriteThen(create, [creation, writes = writes_, done = std::move(done)](const Status& status) {
    if (!status.ok()) return done(status.error());
    if (creation->earlier) return done(std::move(*creation->earlier));
    writes->views.Add(creation->task, std::move(creation->first_event));
    done(std::move(creation->task));
  });
}

Result<Task> TaskStore::Get(const std::string& id) {
  std::optional<Task> task = writes_->views.Get(id);
  if (task) return *std::move(task);
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
  return Await<Status>([&](std::function<void(Status)> done) { ReportThen(reports, std::move(done)); });
}

void TaskStore::ReportThen(std::vector<ports::TaskReport> reports, std::function<void(Status)> done) {
  if (reports.empty()) return done(Ok());
  // Whatever needs no database is done here, not on the one writer thread.
  auto prepared = std::make_shared<std::vector<PreparedReport>>();
  prepared->reserve(reports.size());
  for (auto& report : reports) {
    const double progress = report.status == ports::TaskStatus::kSucceeded ? 1.0 : report.progress;
    std::string event = EventData(report.status, progress, report.current_actor, report.reason, report.hop_json);
    prepared->push_back(PreparedReport{std::move(report), ToMillionths(progress), std::move(event)});
  }
  const auto apply = [prepared](Transaction& transaction, Writes& writes) -> Status {
    for (const auto& one : *prepared) ASYA_TRY_STATUS(writes.Apply(transaction, one));
    return Ok();
  };
  WriteThen(apply, std::move(done));
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
