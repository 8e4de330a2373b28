#include <algorithm>
#include <utility>

#include "storage/postgres/rows.h"
#include "storage/postgres/task_rows.h"
#include "storage/postgres/task_store.h"

namespace asya::storage::postgres {

using ports::Task;
using ports::TaskEvent;
using ports::TaskFilter;
using ports::TaskPage;
using sql::postgres::Parameters;
using sql::postgres::Rows;

namespace {

constexpr const char* kList = ASYA_SELECT_TASK
    "WHERE ($1::bigint IS NULL OR t.sequence < $1) AND ($2::text IS NULL OR t.namespace = $2) "
    "AND ($3::int IS NULL OR t.status = $3) AND ($4::text IS NULL OR t.actor = $4) "
    "AND ($5::text IS NULL OR t.flow = $5) AND ($6::bigint IS NULL OR t.created_at > $6) "
    "AND ($7::bigint IS NULL OR t.created_at < $7) "
    "AND ($9::text IS NULL OR (CASE WHEN t.labels = '' THEN '{}' ELSE t.labels END)::jsonb @> $9::jsonb) "
    "ORDER BY t.sequence DESC LIMIT $8";

template <class T>
void AddOptional(Parameters& parameters, const std::optional<T>& value) {
  value ? parameters.Add(*value) : parameters.AddNull();
}

std::optional<std::int64_t> Micros(const std::optional<WallTime>& time) {
  return time ? std::optional(ToMicroseconds(*time)) : std::nullopt;
}

Parameters ParametersOf(const TaskFilter& filter, const std::optional<std::int64_t>& before, std::int64_t limit) {
  Parameters parameters;
  AddOptional(parameters, before);
  AddOptional(parameters, filter.namespace_);
  AddOptional(parameters,
              filter.status ? std::optional(static_cast<std::int64_t>(*filter.status)) : std::optional<std::int64_t>());
  AddOptional(parameters, filter.actor);
  AddOptional(parameters, filter.flow);
  AddOptional(parameters, Micros(filter.created_after));
  AddOptional(parameters, Micros(filter.created_before));
  parameters.Add(limit);
  AddOptional(parameters, filter.labels_json.empty() ? std::nullopt : std::optional(filter.labels_json));
  return parameters;
}

}  // namespace

Result<TaskPage> TaskStore::List(const TaskFilter& filter) {
  ASYA_TRY(const auto before, ParseCursor(filter.cursor));
  const std::int64_t limit = std::clamp<std::int64_t>(filter.limit, 1, kTasksListedMax);
  // One more than asked for, to know whether there is a next page.
  ASYA_TRY(const Rows rows, database_.Query(kList, ParametersOf(filter, before, limit + 1)));
  TaskPage page;
  const std::size_t shown = std::min(rows.size(), static_cast<std::size_t>(limit));
  for (std::size_t row = 0; row < shown; ++row) page.tasks.push_back(ReadTask(rows, row));
  if (rows.size() > shown) page.next_cursor = rows.Text(shown - 1, kTaskSequenceColumn);
  return page;
}

Result<std::vector<Task>> TaskStore::Children(const std::string& parent_id) {
  ASYA_TRY(const Rows rows, database_.Query(ASYA_SELECT_TASK "WHERE t.parent_id = $1 AND t.parent_id <> '' "
                                                             "ORDER BY t.sequence LIMIT $2",
                                            Parameters().Add(parent_id).Add(kChildrenListedMax)));
  std::vector<Task> children;
  for (std::size_t row = 0; row < rows.size(); ++row) children.push_back(ReadTask(rows, row));
  return children;
}

Result<std::vector<TaskEvent>> TaskStore::Events(const std::string& task_id, std::int64_t after) {
  ASYA_TRY(const Rows rows, database_.Query("SELECT e.sequence, e.at, e.type, e.data FROM tasks t "
                                            "JOIN task_events e ON e.task = t.sequence "
                                            "WHERE t.id = $1 AND e.sequence > $2 ORDER BY e.sequence",
                                            Parameters().Add(task_id).Add(after)));
  std::vector<TaskEvent> events;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    events.push_back(
        TaskEvent{rows.Int(row, 0), task_id, FromMicroseconds(rows.Int(row, 1)), rows.Text(row, 2), rows.Text(row, 3)});
  }
  return events;
}

Result<std::vector<ports::CanceledTask>> TaskStore::CanceledSince(WallTime since,
                                                                  const std::optional<std::string>& namespace_) {
  Parameters parameters;
  parameters.Add(ToMicroseconds(since)).Add(kCancellationsListedMax);
  namespace_ ? parameters.Add(*namespace_) : parameters.AddNull();
  ASYA_TRY(const Rows rows, database_.Query("SELECT id, coalesce(nullif(namespace, ''), 'default') FROM tasks "
                                            "WHERE status = 5 AND updated_at >= $1 "
                                            "AND ($3::text IS NULL OR coalesce(nullif(namespace, ''), 'default') = $3) "
                                            "ORDER BY updated_at DESC, sequence DESC LIMIT $2",
                                            parameters));
  std::vector<ports::CanceledTask> canceled;
  for (std::size_t row = rows.size(); row > 0; --row)
    canceled.push_back({rows.Text(row - 1, 0), rows.Text(row - 1, 1)});
  return canceled;
}

}  // namespace asya::storage::postgres
