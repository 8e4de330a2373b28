#include "storage/damage.h"

#include <algorithm>
#include <utility>

#include "core/json/split.h"
#include "storage/preconditions.h"

namespace asya::storage {

using ports::Event;
using ports::Record;

namespace {

// An older version may have had other bounds than what is taken now.
constexpr std::size_t kDepthLimit = 1000;

Status Check(std::string_view json) {
  json::SplitOptions options;
  options.depth_limit = kDepthLimit;
  ASYA_TRY(const auto members, json::Split(json, options));
  static_cast<void>(members);
  if (json.find("\"metadata\":{") == std::string_view::npos) return Invalid("", "no metadata");
  return Ok();
}

bool CanBeTold(const Event& event) {
  if (event.previous != nullptr && event.previous->damaged) return false;
  return event.type != Event::Type::kDeleted || !event.record.damaged;
}

}  // namespace

bool IsDamaged(std::string_view json) { return !Check(json).ok(); }

Error Damaged(const Record& record) {
  const Status checked = Check(*record.json);
  const std::string why = checked.ok() ? "" : ": " + checked.error().message;
  return Fail(ErrorCode::kInternal, Describe(record.key) + " cannot be decoded from the store" + why);
}

Result<Record> Whole(Result<Record> record) {
  if (record.ok() && record->damaged) return Damaged(*record);
  return record;
}

Result<ports::Page> Whole(ports::Page page) {
  for (const Record& record : page.items) {
    if (record.damaged) return Damaged(record);
  }
  return page;
}

bool KeepWhole(std::vector<Event>& events) {
  const auto end = std::find_if_not(events.begin(), events.end(), CanBeTold);
  const bool all = end == events.end();
  events.erase(end, events.end());
  std::erase_if(events, [](const Event& event) { return event.record.damaged; });
  return all;
}

}  // namespace asya::storage
