#include <chrono>

#include "core/json/split.h"
#include "model/kinds.h"
#include "model/object_text.h"

namespace asya::model {
namespace {

constexpr std::int64_t kDaysOfYear = 365;
constexpr std::string_view kConditionPrefix = "condition:";

// Empty where there is no such condition.
std::string_view ConditionStatus(const ObjectText& object, std::string_view type) {
  json::SplitOptions options;
  options.depth_limit = kObjectTextDepthLimit;
  const auto conditions = json::SplitArray(object.At("status.conditions"), options);
  if (!conditions.ok()) return {};
  for (const std::string_view text : *conditions) {
    const ObjectText condition(text);
    const std::string_view found = condition.At("type");
    if (found.size() < 2 || found.substr(1, found.size() - 2) != type) continue;
    const std::string_view status = condition.At("status");
    return status.starts_with('"') ? status : "\"Unknown\"";
  }
  return {};
}

// Empty where nothing is there.
std::string_view Lookup(const ObjectText& object, std::string_view path) {
  if (path.empty()) return {};
  if (path.starts_with(kConditionPrefix)) return ConditionStatus(object, path.substr(kConditionPrefix.size()));
  const std::string_view text = object.At(path);
  return text == "null" ? std::string_view() : text;
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

void AppendCells(const KindInfo& kind, const ObjectText& object, WallTime now, std::string& text) {
  text += '[';
  for (const Column& column : kind.columns) {
    if (text.back() != '[') text += ',';
    std::string_view cell = Lookup(object, column.path);
    if (cell.empty()) cell = Lookup(object, column.fallback_path);
    if (column.type == "date" && cell.starts_with('"')) {
      const auto then = ParseRfc3339(cell.substr(1, cell.size() - 2));
      text += '"' + (then ? FormatAge(*then, now) : std::string("<invalid>")) + '"';
    } else {
      text += cell.empty() ? "null" : cell;
    }
  }
  text += ']';
}

}  // namespace asya::model
