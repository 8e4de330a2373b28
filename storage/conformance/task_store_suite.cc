#include "storage/conformance/task_store_suite.h"

namespace asya::storage::conformance {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TaskStoreSuite);

void TaskStoreSuite::Open(const TaskRetention& retention) {
  harness_.reset();
  harness_ = GetParam().make(retention);
  ASSERT_NE(harness_, nullptr);
}

ports::Task TaskStoreSuite::MakeTask(const std::string& id) {
  ports::Task task;
  task.id = id;
  task.namespace_ = "default";
  task.actor = "prep";
  task.current_actor = "prep";
  task.payload_json = R"({"text":"hi"})";
  task.headers_json = R"({"x":"1"})";
  return task;
}

ports::TaskReport TaskStoreSuite::MakeReport(const std::string& id, ports::TaskStatus status, double progress) {
  ports::TaskReport report;
  report.task_id = id;
  report.namespace_ = "default";
  report.status = status;
  report.progress = progress;
  return report;
}

ports::Task TaskStoreSuite::MustCreate(const ports::Task& task) {
  auto created = store().Create(task, {"asya-default-prep", "body of " + task.id}, std::nullopt);
  if (created.ok()) return *created;
  ADD_FAILURE() << created.error().message;
  return {};
}

ports::Task TaskStoreSuite::MustGet(const std::string& id) {
  auto got = store().Get(id);
  if (got.ok()) return *got;
  ADD_FAILURE() << got.error().message;
  return {};
}

void TaskStoreSuite::MustReport(const ports::TaskReport& report) {
  const Status reported = store().Report({report});
  if (!reported.ok()) ADD_FAILURE() << reported.error().message;
}

}  // namespace asya::storage::conformance
