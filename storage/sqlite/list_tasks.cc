#include <algorithm>
#include <utility>

#include "storage/sqlite/rows.h"
#include "storage/sqlite/task_rows.h"
#include "storage/sqlite/task_store.h"
#include "storage/sqlite/task_writes.h"
#include "storage/task_story.h"

namespace asya::storage::sqlite {

using ports::Task;
using ports::TaskEvent;
using ports::TaskFilter;
using ports::TaskPage;
using ports::TaskView;
using sql::sqlite::Statement;
using sql::sqlite::Transaction;

namespace {

constexpr const char* kList = ASYA_SELECT_TASK
    "WHERE (?1 IS NULL OR t.sequence < ?1) AND (?2 IS NULL OR t.namespace = ?2) AND (?3 IS NULL OR t.status = ?3) "
    "AND (?4 IS NULL OR t.actor = ?4) AND (?5 IS NULL OR t.flow = ?5) AND (?6 IS NULL OR t.created_at > ?6) "
    "AND (?7 IS NULL OR t.created_at < ?7) AND (?9 IS NULL OR (t.labels <> '' AND NOT EXISTS (SELECT 1 FROM "
    "json_each(?9) AS w LEFT JOIN json_each(t.labels) AS h ON h.key = w.key WHERE h.value IS NOT w.value))) "
    "ORDER BY t.sequence DESC LIMIT ?8";

constexpr const char* kChildren =
    ASYA_SELECT_TASK "WHERE t.parent_id = ?1 AND t.parent_id <> '' ORDER BY t.sequence LIMIT ?2";

void Bind(Statement& statement, const TaskFilter& filter, std::optional<std::int64_t> before, std::int64_t limit) {
  if (before) statement.Bind(1, *before);
  if (filter.namespace_) statement.Bind(2, *filter.namespace_);
  if (filter.status) statement.Bind(3, static_cast<std::int64_t>(*filter.status));
  if (filter.actor) statement.Bind(4, *filter.actor);
  if (filter.flow) statement.Bind(5, *filter.flow);
  if (filter.created_after) statement.Bind(6, ToMicroseconds(*filter.created_after));
  if (filter.created_before) statement.Bind(7, ToMicroseconds(*filter.created_before));
  statement.Bind(8, limit);
  if (!filter.labels_json.empty()) statement.Bind(9, filter.labels_json);
}

Status ReadChildren(Transaction& transaction, const std::string& parent_id, std::vector<Task>& children) {
  ASYA_TRY(auto* const row, transaction.Prepare(kChildren));
  row->Bind(1, parent_id).Bind(2, kChildrenListedMax);
  for (;;) {
    ASYA_TRY(const bool found, row->Step());
    if (!found) return Ok();
    children.push_back(ReadTask(*row));
  }
}

// What a task begins with, unless that is among its rows.
struct Beginning {
  std::int64_t event = 0;
  WallTime at{};
};

Status ReadEvents(Transaction& transaction, std::int64_t task, const std::string& task_id, const Beginning& beginning,
                  std::int64_t after, std::vector<TaskEvent>& events) {
  if (beginning.event > after) {
    events.push_back(TaskEvent{beginning.event, task_id, beginning.at, kStatusEvent, kFirstEventData});
  }
  ASYA_TRY(auto* const row, transaction.Prepare("SELECT sequence, at, type, data FROM task_events "
                                                "WHERE task = ?1 AND sequence > ?2 ORDER BY sequence"));
  row->Bind(1, task).Bind(2, after);
  for (;;) {
    ASYA_TRY(const bool found, row->Step());
    if (!found) return Ok();
    events.push_back(TaskEvent{row->Int(0), task_id, FromMicroseconds(row->Int(1)), row->Text(2), row->Text(3)});
  }
}

}  // namespace

Result<TaskPage> TaskStore::List(const TaskFilter& filter) {
  ASYA_TRY(const auto before, ParseCursor(filter.cursor));
  const std::int64_t limit = std::clamp<std::int64_t>(filter.limit, 1, kTasksListedMax);
  TaskPage page;
  const auto read = [&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row, transaction.Prepare(kList));
    Bind(*row, filter, before, limit + 1);  // one more, to know whether there is a next page
    std::int64_t last = 0;
    for (;;) {
      ASYA_TRY(const bool found, row->Step());
      if (!found) return Ok();
      if (static_cast<std::int64_t>(page.tasks.size()) == limit) {
        page.next_cursor = std::to_string(last);
        return Ok();
      }
      page.tasks.push_back(ReadTask(*row));
      last = row->Int(kTaskSequenceColumn);
    }
  };
  ASYA_TRY_STATUS(database_.Read(read));
  return page;
}

Result<std::vector<Task>> TaskStore::Children(const std::string& parent_id) {
  std::vector<Task> children;
  ASYA_TRY_STATUS(
      database_.Read([&](Transaction& transaction) { return ReadChildren(transaction, parent_id, children); }));
  return children;
}

Result<std::vector<TaskEvent>> TaskStore::Events(const std::string& task_id, std::int64_t after) {
  if (auto known = writes_->views.Events(task_id, after)) return *std::move(known);
  std::vector<TaskEvent> events;
  const auto read = [&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row, transaction.Prepare("SELECT sequence, first_event, created_at FROM tasks WHERE id = ?1"));
    ASYA_TRY(const bool found, row->Bind(1, task_id).Step());
    if (!found) return Ok();
    return ReadEvents(transaction, row->Int(0), task_id, {row->Int(1), FromMicroseconds(row->Int(2))}, after, events);
  };
  ASYA_TRY_STATUS(database_.Read(read));
  return events;
}

Result<TaskView> TaskStore::View(const std::string& id) {
  std::optional<TaskView> view = writes_->views.View(id);
  if (view) return *std::move(view);
  const auto read = [&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row, transaction.Prepare(ASYA_SELECT_TASK "WHERE t.id = ?1"));
    ASYA_TRY(const bool found, row->Bind(1, id).Step());
    if (!found) return Ok();
    view.emplace().task = ReadTask(*row);
    const Beginning beginning{row->Int(kFirstEventColumn), view->task.created_at};
    ASYA_TRY_STATUS(ReadEvents(transaction, row->Int(kTaskSequenceColumn), id, beginning, 0, view->events));
    return ReadChildren(transaction, id, view->children);
  };
  ASYA_TRY_STATUS(database_.Read(read));
  if (!view) return NoSuchTask(id);
  return *std::move(view);
}

Result<std::vector<ports::CanceledTask>> TaskStore::CanceledSince(WallTime since,
                                                                  const std::optional<std::string>& namespace_) {
  std::vector<ports::CanceledTask> canceled;
  const auto read = [&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row,
             transaction.Prepare("SELECT id, coalesce(nullif(namespace, ''), 'default') AS owner FROM tasks "
                                 "WHERE status = 5 AND updated_at >= ?1 AND (?3 IS NULL OR owner = ?3) "
                                 "ORDER BY updated_at DESC LIMIT ?2"));
    row->Bind(1, ToMicroseconds(since)).Bind(2, kCancellationsListedMax);
    if (namespace_) row->Bind(3, *namespace_);
    for (;;) {
      ASYA_TRY(const bool found, row->Step());
      if (!found) return Ok();
      canceled.push_back({row->Text(0), row->Text(1)});
    }
  };
  ASYA_TRY_STATUS(database_.Read(read));
  std::reverse(canceled.begin(), canceled.end());
  return canceled;
}

}  // namespace asya::storage::sqlite
