// TaskRows: how tasks lie in the tables.
#pragma once

#include "core/sql/postgres/database.h"
#include "ports/task_store.h"

namespace asya::storage::postgres {

// A SELECT of all that ReadTask reads; conditions on `t` (tasks) follow it.
#define ASYA_SELECT_TASK                                                                                      \
  "SELECT t.id, t.namespace, t.parent_id, t.flow, t.actor, t.status, t.progress, t.current_actor, t.reason, " \
  "t.replay_of, t.labels, t.created_at, t.updated_at, t.deadline_at, t.version, coalesce(i.payload, ''), "    \
  "coalesce(i.headers, ''), coalesce(r.result, ''), coalesce(r.error, ''), t.sequence FROM tasks t "          \
  "LEFT JOIN task_inputs i ON i.task = t.sequence LEFT JOIN task_results r ON r.task = t.sequence "
inline constexpr int kTaskSequenceColumn = 19;

ports::Task ReadTask(const sql::postgres::Rows& rows, std::size_t row);
Error NoSuchTask(const std::string& id);

}  // namespace asya::storage::postgres
