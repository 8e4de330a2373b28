#include "storage/postgres/task_store.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "core/base/random.h"
#include "storage/postgres/task_rows.h"

namespace asya::storage::postgres {

using ports::Task;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

namespace {

constexpr const char* kChannel = "asya_tasks";
constexpr std::size_t kHintBytesMax = 7000;  // PostgreSQL takes 7999

}  // namespace

TaskStore::TaskStore(sql::postgres::Database& database, const Clock& clock, Enqueue enqueue,
                     const TaskRetention& retention)
    : database_(database),
      clock_(clock),
      enqueue_(std::move(enqueue)),
      retention_(retention),
      instance_(RandomHex(8)),
      listener_(
          database.settings(), {kChannel}, [this](const std::string&, const std::string& payload) { OnHint(payload); },
          [] {}) {}

TaskStore::~TaskStore() { Stop(); }

void TaskStore::Start() { listener_.Start(); }
void TaskStore::Stop() { listener_.Stop(); }

Status TaskStore::Write(const std::function<Status(Transaction&, Ids&)>& job) {
  Ids changed;
  const auto run = [&](Transaction& transaction) -> Status {
    changed.clear();
    ASYA_TRY_STATUS(job(transaction, changed));
    std::sort(changed.begin(), changed.end());
    changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
    return NotifyOthers(transaction, changed);
  };
  ASYA_TRY_STATUS(database_.Write(run));
  Tell(changed);
  return Ok();
}

Status TaskStore::NotifyOthers(Transaction& transaction, const Ids& changed) const {
  std::string payload;
  const auto send = [&]() -> Status {
    if (payload.empty()) return Ok();
    ASYA_TRY(const Rows rows,
             transaction.Execute("SELECT pg_notify('asya_tasks', $1)", Parameters().Add(instance_ + payload)));
    payload.clear();
    return Ok();
  };
  for (const auto& id : changed) {
    if (payload.size() + id.size() > kHintBytesMax) ASYA_TRY_STATUS(send());
    if (id.size() < kHintBytesMax) payload += " " + id;
  }
  return send();
}

void TaskStore::OnHint(const std::string& payload) const {
  std::istringstream words(payload);
  std::string instance;
  words >> instance;
  if (instance == instance_) return;
  Ids ids;
  for (std::string id; words >> id;) ids.push_back(id);
  Tell(ids);
}

void TaskStore::Tell(const Ids& ids) const {
  std::vector<ports::TaskChange> changes;
  changes.reserve(ids.size());
  for (const auto& id : ids) changes.push_back({id});
  subscribers_.Notify(changes);
}

Result<Task> TaskStore::Get(const std::string& id) {
  ASYA_TRY(const Rows rows, database_.Query(ASYA_SELECT_TASK "WHERE t.id = $1", Parameters().Add(id)));
  if (rows.empty()) return NoSuchTask(id);
  return ReadTask(rows, 0);
}

std::shared_ptr<void> TaskStore::Subscribe(std::function<void(const ports::TaskChange& change)> on_change) {
  return subscribers_.Add(std::move(on_change));
}

}  // namespace asya::storage::postgres
