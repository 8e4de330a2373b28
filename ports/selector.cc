#include <algorithm>
#include <charconv>

#include "ports/object_store.h"
#include "ports/task_store.h"

namespace asya::ports {

bool LabelRequirement::Matches(const Labels& labels) const {
  const auto found = labels.find(key);
  const bool present = found != labels.end();
  const bool listed = present && std::find(values.begin(), values.end(), found->second) != values.end();
  switch (op) {
    case Operator::kIn: return listed;
    case Operator::kNotIn: return !listed;
    case Operator::kExists: return present;
    case Operator::kNotExists: return !present;
    case Operator::kGreater:
    case Operator::kLess: break;
  }
  const auto label = present ? LabelInteger(found->second) : std::nullopt;
  const auto bound = values.empty() ? std::nullopt : LabelInteger(values.front());
  if (!label || !bound) return false;
  return op == Operator::kGreater ? *label > *bound : *label < *bound;
}

std::optional<std::int64_t> LabelInteger(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool Selector::Matches(const Record& record) const {
  if (name && record.key.name != *name) return false;
  const auto excludes = [](const std::vector<std::string>& list, const std::string& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
  };
  if (excludes(names_excluded, record.key.name) || excludes(namespaces_excluded, record.key.namespace_)) return false;
  return std::all_of(labels.begin(), labels.end(),
                     [&](const LabelRequirement& requirement) { return requirement.Matches(record.labels); });
}

const char* TaskStatusName(TaskStatus status) {
  switch (status) {
    case TaskStatus::kPending: return "pending";
    case TaskStatus::kRunning: return "running";
    case TaskStatus::kPaused: return "paused";
    case TaskStatus::kSucceeded: return "succeeded";
    case TaskStatus::kFailed: return "failed";
    case TaskStatus::kCanceled: return "canceled";
  }
  return "pending";
}

std::optional<TaskStatus> ParseTaskStatus(const std::string& name) {
  for (const TaskStatus status : {TaskStatus::kPending, TaskStatus::kRunning, TaskStatus::kPaused,
                                  TaskStatus::kSucceeded, TaskStatus::kFailed, TaskStatus::kCanceled}) {
    if (name == TaskStatusName(status)) return status;
  }
  return std::nullopt;
}

}  // namespace asya::ports
