#include "storage/sqlite/task_rows.h"

#include "storage/sqlite/rows.h"
#include "storage/task_story.h"

namespace asya::storage::sqlite {

ports::Task ReadTask(const sql::sqlite::Statement& row) {
  ports::Task task;
  task.id = row.Text(0);
  task.namespace_ = row.Text(1);
  task.parent_id = row.Text(2);
  task.flow = row.Text(3);
  task.actor = row.Text(4);
  task.status = static_cast<ports::TaskStatus>(row.Int(5));
  task.progress = FromMillionths(row.Int(6));
  task.current_actor = row.Text(7);
  task.reason = row.Text(8);
  task.replay_of = row.Text(9);
  task.labels_json = row.Text(10);
  task.created_at = FromMicroseconds(row.Int(11));
  task.updated_at = FromMicroseconds(row.Int(12));
  if (!row.IsNull(13)) task.deadline_at = FromMicroseconds(row.Int(13));
  task.version = row.Int(14);
  task.payload_json = row.Text(15);
  task.headers_json = row.Text(16);
  task.result_json = row.Text(17);
  task.error_json = row.Text(18);
  return task;
}

Error NoSuchTask(const std::string& id) { return Fail(ErrorCode::kNotFound, "task \"" + id + "\" not found"); }

}  // namespace asya::storage::sqlite
