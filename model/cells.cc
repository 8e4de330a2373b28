#include <chrono>
#include <functional>
#include <map>
#include <utility>

#include "core/json/parse.h"
#include "core/json/split.h"
#include "model/kinds.h"

namespace asya::model {
namespace {

constexpr std::int64_t kDaysOfYear = 365;
constexpr std::size_t kCellDepthLimit = 1000;  // what is stored may be deeper than what is taken now
constexpr std::string_view kConditionPrefix = "condition:";

// The members of an object, where it is one. Only what a column asks for is decoded.
std::vector<json::Member> MembersOf(std::string_view object) {
  json::SplitOptions options;
  options.depth_limit = kCellDepthLimit;
  auto members = json::Split(object, options);
  return members.ok() ? std::move(members).value() : std::vector<json::Member>();
}

std::string_view MemberOf(const std::vector<json::Member>& members, std::string_view key) {
  for (const json::Member& member : members) {
    if (member.key == key) return member.value;
  }
  return {};
}

json::Value Decode(std::string_view text) {
  json::ParseOptions options;
  options.depth_limit = kCellDepthLimit;
  auto value = json::Parse(text, options);
  return value.ok() ? std::move(value).value() : json::Value();
}

// An object of which single members are wanted; each of its objects that is looked into is taken apart once.
class ObjectText {
 public:
  explicit ObjectText(std::string_view text) { objects_[""] = MembersOf(text); }

  // What stands at "metadata.name" or the like, as it is written; empty where nothing does.
  std::string_view At(std::string_view path) {
    const std::size_t dot = path.rfind('.');
    if (dot == std::string_view::npos) return MemberOf(objects_[""], path);
    return MemberOf(ObjectAt(path.substr(0, dot)), path.substr(dot + 1));
  }

 private:
  const std::vector<json::Member>& ObjectAt(std::string_view path) {
    const auto known = objects_.find(path);
    if (known != objects_.end()) return known->second;
    const std::string_view text = At(path);
    return objects_[std::string(path)] = text.empty() ? std::vector<json::Member>() : MembersOf(text);
  }

  std::map<std::string, std::vector<json::Member>, std::less<>> objects_;
};

json::Value ConditionStatus(ObjectText& object, std::string_view type) {
  const std::string_view text = object.At("status.conditions");
  if (text.empty()) return nullptr;
  const json::Value conditions = Decode(text);
  if (!conditions.IsArray()) return nullptr;
  for (const json::Value& condition : conditions.AsArray()) {
    const auto found = condition.GetString("type");
    if (found && *found == type) return condition.GetString("status").value_or("Unknown");
  }
  return nullptr;
}

json::Value Lookup(ObjectText& object, std::string_view path) {
  if (path.empty()) return nullptr;
  if (path.substr(0, kConditionPrefix.size()) == kConditionPrefix) {
    return ConditionStatus(object, path.substr(kConditionPrefix.size()));
  }
  const std::string_view text = object.At(path);
  return text.empty() ? json::Value() : Decode(text);
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

std::vector<json::Value> Cells(const KindInfo& kind, std::string_view object_json, WallTime now) {
  std::vector<json::Value> cells;
  ObjectText object(object_json);
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
