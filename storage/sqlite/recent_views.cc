#include "storage/sqlite/recent_views.h"

#include <algorithm>
#include <utility>

namespace asya::storage::sqlite {
namespace {

constexpr std::size_t kTaskBytes = 1024;  // of one without its texts
constexpr std::size_t kEventBytes = 160;

void SetUnlessEmpty(std::string& text, std::string value) {
  if (!value.empty()) text = std::move(value);
}

}  // namespace

void RecentViews::Add(const ports::Task& task, ports::TaskEvent first) {
  const std::size_t bytes = kTaskBytes + task.payload_json.size() + task.headers_json.size() + task.labels_json.size();
  if (bytes > kTaskBytesMax) return;
  const std::lock_guard lock(mutex_);
  DropOldest();
  const auto [kept, added] = kept_.try_emplace(task.id);
  if (!added) return;
  kept->second.view.task = task;
  kept->second.view.events.push_back(std::move(first));
  order_.push_back(task.id);
  Grow(kept, bytes);
}

void RecentViews::DropOldest() {
  while (!order_.empty() && (order_.size() >= kTasksMax || bytes_ >= kBytesMax)) DropFront();
}

void RecentViews::DropFront() {
  if (const auto oldest = kept_.find(order_.front()); oldest != kept_.end()) Drop(oldest);
  order_.pop_front();
}

void RecentViews::Grow(KeptTasks::iterator kept, std::size_t bytes) {
  kept->second.bytes += bytes;
  bytes_ += bytes;
  if (kept->second.bytes > kTaskBytesMax) Drop(kept);
}

void RecentViews::Drop(KeptTasks::iterator kept) {
  bytes_ -= kept->second.bytes;
  kept_.erase(kept);
}

void RecentViews::Take(std::vector<TaskStep> steps) {
  const std::lock_guard lock(mutex_);
  for (TaskStep& step : steps) TakeOne(std::move(step));
  while (!order_.empty() && bytes_ > kBytesMax) DropFront();
}

void RecentViews::TakeOne(TaskStep step) {
  const auto kept = kept_.find(step.id);
  if (kept == kept_.end()) return;
  if (step.forget) return Drop(kept);
  std::size_t bytes = step.result_json.size() + step.error_json.size();
  ports::TaskView& view = kept->second.view;
  if (step.moved) {
    ports::Task& task = view.task;
    task.status = step.status;
    task.progress = std::max(task.progress, step.progress);
    SetUnlessEmpty(task.current_actor, std::move(step.actor));
    SetUnlessEmpty(task.reason, std::move(step.reason));
    SetUnlessEmpty(task.result_json, std::move(step.result_json));
    SetUnlessEmpty(task.error_json, std::move(step.error_json));
    task.updated_at = step.at;
    ++task.version;
  }
  if (step.event) {
    bytes += kEventBytes + step.event->data_json.size();
    view.events.push_back(std::move(*step.event));
  }
  Grow(kept, bytes);
}

void RecentViews::Clear() {
  const std::lock_guard lock(mutex_);
  kept_.clear();
  order_.clear();
  bytes_ = 0;
}

std::optional<ports::TaskView> RecentViews::View(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto kept = kept_.find(id);
  return kept == kept_.end() ? std::nullopt : std::optional(kept->second.view);
}

std::optional<ports::Task> RecentViews::Get(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto kept = kept_.find(id);
  return kept == kept_.end() ? std::nullopt : std::optional(kept->second.view.task);
}

std::optional<std::vector<ports::TaskEvent>> RecentViews::Events(const std::string& id, std::int64_t after) const {
  const std::lock_guard lock(mutex_);
  const auto kept = kept_.find(id);
  if (kept == kept_.end()) return std::nullopt;
  std::vector<ports::TaskEvent> events = kept->second.view.events;
  std::erase_if(events, [after](const ports::TaskEvent& event) { return event.sequence <= after; });
  return events;
}

}  // namespace asya::storage::sqlite
