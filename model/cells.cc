#include <chrono>

#include "model/kinds.h"

namespace asya::model {
namespace {

constexpr std::int64_t kDaysOfYear = 365;
constexpr std::string_view kConditionPrefix = "condition:";

json::Value ConditionStatus(const json::Value& object, std::string_view type) {
  const json::Value* conditions = object.FindPath({"status", "conditions"});
  if (conditions == nullptr || !conditions->IsArray()) return nullptr;
  for (const json::Value& condition : conditions->AsArray()) {
    const auto found = condition.GetString("type");
    if (found && *found == type) return condition.GetString("status").value_or("Unknown");
  }
  return nullptr;
}

json::Value Lookup(const json::Value& object, std::string_view path) {
  if (path.empty()) return nullptr;
  if (path.substr(0, kConditionPrefix.size()) == kConditionPrefix) {
    return ConditionStatus(object, path.substr(kConditionPrefix.size()));
  }
  const json::Value* at = &object;
  while (at != nullptr && !path.empty()) {
    const std::size_t dot = path.find('.');
    at = at->Find(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return at == nullptr ? json::Value() : *at;
}

std::string Join(std::int64_t high, char high_unit, std::int64_t low, char low_unit) {
  std::string text = std::to_string(high) + high_unit;
  if (low > 0) text += std::to_string(low) + low_unit;
  return text;
}

}  // namespace

// The steps of kubectl's HumanDuration, so that both print the same age.
std::string FormatAge(WallTime then, WallTime now) {
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  const std::int64_t minutes = seconds / 60;
  const std::int64_t hours = minutes / 60;
  const std::int64_t days = hours / 24;
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (minutes < 10) return Join(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return std::to_string(minutes) + "m";
  if (hours < 8) return Join(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return std::to_string(hours) + "h";
  if (days < 8) return Join(days, 'd', hours % 24, 'h');
  if (days < kDaysOfYear * 2) return std::to_string(days) + "d";
  if (days < kDaysOfYear * 8) return Join(days / kDaysOfYear, 'y', days % kDaysOfYear, 'd');
  return std::to_string(days / kDaysOfYear) + "y";
}

std::vector<json::Value> Cells(const KindInfo& kind, const json::Value& object, WallTime now) {
  std::vector<json::Value> cells;
  for (const Column& column : kind.columns) {
    json::Value cell = Lookup(object, column.path);
    if (cell.IsNull()) cell = Lookup(object, column.fallback_path);
    if (column.type == "date" && cell.IsString()) {
      const auto then = ParseRfc3339(cell.AsString());
      cell = then ? json::Value(FormatAge(*then, now)) : json::Value("<invalid>");
    }
    cells.push_back(std::move(cell));
  }
  return cells;
}

}  // namespace asya::model
