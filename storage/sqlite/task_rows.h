// TaskRows: how tasks lie in the tables.
#pragma once

#include "core/sql/sqlite/database.h"
#include "ports/task_store.h"

namespace asya::storage::sqlite {

// A SELECT of all that ReadTask reads; conditions on `t` (tasks) follow it.
#define ASYA_SELECT_TASK                                                                                            \
  "SELECT t.id, t.namespace, t.parent_id, t.flow, t.actor, t.status, t.progress, t.current_actor, t.reason, "       \
  "t.replay_of, t.labels, t.created_at, t.updated_at, t.deadline_at, t.version, coalesce(i.payload, ''), "          \
  "coalesce(i.headers, ''), coalesce(r.result, ''), coalesce(r.error, ''), t.sequence, t.first_event FROM tasks t " \
  "LEFT JOIN task_inputs i ON i.task = t.sequence LEFT JOIN task_results r ON r.task = t.sequence "
inline constexpr int kTaskSequenceColumn = 19;
inline constexpr int kFirstEventColumn = 20;

// Data of the event with which a task begins.
inline constexpr const char* kFirstEventData = R"({"status":"pending"})";

ports::Task ReadTask(const sql::sqlite::Statement& row);
Error NoSuchTask(const std::string& id);

}  // namespace asya::storage::sqlite
