// RecentTasks: what the writer knows of the tasks that it wrote last, so that it need not read them again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ports/task_store.h"

namespace asya::storage::sqlite {

// A task as it is; only the writer thread changes it.
struct TaskRow {
  std::int64_t sequence = 0;
  ports::TaskStatus status = ports::TaskStatus::kPending;
  std::int64_t progress = 0;        // millionths
  bool knows_events = false;        // `events` are all there are
  std::vector<std::size_t> events;  // a print of the data of each
  std::string namespace_{};
};

// Of the writer thread, within its jobs: what they wrote, committed or not. Bounds: kTasksMax, the oldest are dropped.
class RecentTasks {
 public:
  static constexpr std::size_t kTasksMax = 4096;
  static constexpr std::size_t kEventsMax = 64;  // of one task; those of one with more are read again

  // At the begin of each job, with Transaction::undone(): what was undone is forgotten with all else.
  void Follow(std::uint64_t undone);
  // Valid until the next Put; nullptr if it is not known here.
  TaskRow* Find(const std::string& id);
  TaskRow& Put(const std::string& id, TaskRow row);
  void Forget(const std::string& id) { rows_.erase(id); }
  void Clear();

  static std::size_t PrintOf(std::string_view data) { return std::hash<std::string_view>{}(data); }
  // Notes an event that was written.
  static void Note(TaskRow& row, std::size_t print);

 private:
  std::unordered_map<std::string, TaskRow> rows_;
  std::deque<std::string> order_;  // of the puts; those forgotten meanwhile are still there
  std::uint64_t undone_ = 0;
};

}  // namespace asya::storage::sqlite
