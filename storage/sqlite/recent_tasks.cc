#include "storage/sqlite/recent_tasks.h"

#include <utility>

namespace asya::storage::sqlite {

void RecentTasks::Follow(std::uint64_t undone) {
  if (std::exchange(undone_, undone) != undone) Clear();
}

TaskRow* RecentTasks::Find(const std::string& id) {
  const auto found = rows_.find(id);
  return found == rows_.end() ? nullptr : &found->second;
}

TaskRow& RecentTasks::Put(const std::string& id, TaskRow row) {
  while (order_.size() >= kTasksMax) {
    rows_.erase(order_.front());
    order_.pop_front();
  }
  order_.push_back(id);
  return rows_.insert_or_assign(id, std::move(row)).first->second;
}

void RecentTasks::Clear() {
  rows_.clear();
  order_.clear();
}

void RecentTasks::Note(TaskRow& row, std::size_t print) {
  if (!row.knows_events) return;
  row.events.push_back(print);
  if (row.events.size() <= kEventsMax) return;
  row.knows_events = false;
  row.events = {};
}

}  // namespace asya::storage::sqlite
