// The task-store conformance suite: what every implementation of ports::TaskStore must do.
// Link asya_storage_conformance and instantiate TaskStoreSuite with the implementation.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/task_store.h"
#include "storage/task_story.h"

namespace asya::storage::conformance {

inline constexpr const char* kMissingQueue = "missing";

// One fresh, empty store on the real clock whose first messages go to a table of the same database. A message to
// kMissingQueue is refused with kUnroutable.
class TaskStoreHarness {
 public:
  virtual ~TaskStoreHarness() = default;
  virtual ports::TaskStore& store() = 0;
  // Bodies of the messages sent, in order.
  virtual std::vector<std::string> Sent() = 0;
  virtual Result<std::int64_t> DropOld(WallTime now) = 0;
  virtual Result<std::int64_t> DropOldDeadLetters(WallTime now) = 0;
};

struct TaskStoreImplementation {
  std::string name;  // for the names of the cases: letters and digits
  std::function<std::unique_ptr<TaskStoreHarness>(const TaskRetention& retention)> make;
  std::string missing{};  // what the cases are skipped for; empty: nothing
};

class TaskStoreSuite : public testing::TestWithParam<TaskStoreImplementation> {
 protected:
  void SetUp() override {
    if (!GetParam().missing.empty()) GTEST_SKIP() << GetParam().missing;
    Open({});
  }
  void Open(const TaskRetention& retention);
  ports::TaskStore& store() { return harness_->store(); }

  static ports::Task MakeTask(const std::string& id);
  static ports::TaskReport MakeReport(const std::string& id, ports::TaskStatus status, double progress);
  // Fail the case when they are refused.
  ports::Task MustCreate(const ports::Task& task);
  ports::Task MustGet(const std::string& id);
  void MustReport(const ports::TaskReport& report);

  std::unique_ptr<TaskStoreHarness> harness_;
};

}  // namespace asya::storage::conformance
