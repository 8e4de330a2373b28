#include "storage/postgres/task_rows.h"

#include "storage/postgres/rows.h"
#include "storage/task_story.h"

namespace asya::storage::postgres {

ports::Task ReadTask(const sql::postgres::Rows& rows, std::size_t row) {
  ports::Task task;
  task.id = rows.Text(row, 0);
  task.namespace_ = rows.Text(row, 1);
  task.parent_id = rows.Text(row, 2);
  task.flow = rows.Text(row, 3);
  task.actor = rows.Text(row, 4);
  task.status = static_cast<ports::TaskStatus>(rows.Int(row, 5));
  task.progress = FromMillionths(rows.Int(row, 6));
  task.current_actor = rows.Text(row, 7);
  task.reason = rows.Text(row, 8);
  task.replay_of = rows.Text(row, 9);
  task.labels_json = rows.Text(row, 10);
  task.created_at = FromMicroseconds(rows.Int(row, 11));
  task.updated_at = FromMicroseconds(rows.Int(row, 12));
  if (!rows.IsNull(row, 13)) task.deadline_at = FromMicroseconds(rows.Int(row, 13));
  task.version = rows.Int(row, 14);
  task.payload_json = rows.Text(row, 15);
  task.headers_json = rows.Text(row, 16);
  task.result_json = rows.Text(row, 17);
  task.error_json = rows.Text(row, 18);
  return task;
}

Error NoSuchTask(const std::string& id) { return Fail(ErrorCode::kNotFound, "task \"" + id + "\" not found"); }

}  // namespace asya::storage::postgres
