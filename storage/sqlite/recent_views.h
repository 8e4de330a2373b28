// RecentViews: the tasks made last, whole, so that whoever waits for one need not read the file when it ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ports/task_store.h"

namespace asya::storage::sqlite {

// What a job did to a task.
struct TaskStep {
  std::string id;
  bool forget = false;  // it is to be read from the file from now on
  bool moved = false;   // its version has grown, and what follows holds; texts that are empty say nothing
  ports::TaskStatus status = ports::TaskStatus::kPending;
  double progress = 0;
  std::string actor;
  std::string reason;
  WallTime at{};
  std::string result_json;
  std::string error_json;
  std::optional<ports::TaskEvent> event;
};

// Durable states only, in the order of their commits. Bounds: kTasksMax, kBytesMax; the oldest are dropped. Thread
// safe.
class RecentViews {
 public:
  static constexpr std::size_t kTasksMax = 4096;
  static constexpr std::size_t kBytesMax = 4U << 20U;
  static constexpr std::size_t kTaskBytesMax = 64U << 10U;  // larger ones are read from the file

  // One that was made just now.
  void Add(const ports::Task& task, ports::TaskEvent first);
  void Take(std::vector<TaskStep> steps);
  void Clear();

  // Nothing where the file has to be asked.
  [[nodiscard]] std::optional<ports::TaskView> View(const std::string& id) const;
  [[nodiscard]] std::optional<ports::Task> Get(const std::string& id) const;
  [[nodiscard]] std::optional<std::vector<ports::TaskEvent>> Events(const std::string& id, std::int64_t after) const;

 private:
  struct Kept {
    ports::TaskView view;
    std::size_t bytes = 0;
  };
  using KeptTasks = std::unordered_map<std::string, Kept>;
  // All under the lock.
  void TakeOne(TaskStep step);
  void Grow(KeptTasks::iterator kept, std::size_t bytes);
  void Drop(KeptTasks::iterator kept);
  void DropOldest();
  void DropFront();

  mutable std::mutex mutex_;
  KeptTasks kept_;
  std::deque<std::string> order_;  // of the adds; those dropped meanwhile are still there
  std::size_t bytes_ = 0;
};

}  // namespace asya::storage::sqlite
