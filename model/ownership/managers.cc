#include "model/ownership/managers.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include "model/ownership/structure.h"

namespace asya::model {
namespace {

constexpr const char* kFieldsType = "FieldsV1";

std::chrono::seconds SecondsOf(const Owned& owned) {
  return owned.time ? std::chrono::floor<std::chrono::seconds>(owned.time->time_since_epoch())
                    : std::chrono::seconds(0);
}

json::Value EncodeEntry(const Manager& manager, const Owned& owned) {
  json::Object entry{{"manager", manager.name},
                     {"operation", manager.operation == Operation::kApply ? "Apply" : "Update"},
                     {"apiVersion", owned.api_version},
                     {"fieldsType", kFieldsType},
                     {"fieldsV1", EncodeFieldSet(owned.fields)}};
  if (owned.time) entry["time"] = FormatRfc3339(*owned.time);
  if (!manager.subresource.empty()) entry["subresource"] = manager.subresource;
  return entry;
}

// A member that is a string; empty where it is absent.
Result<std::string> Text(const json::Value& entry, std::string_view name) {
  const json::Value* member = entry.Find(name);
  if (member == nullptr || member->IsNull()) return std::string();
  if (!member->IsString()) return Invalid("", std::string(name) + " must be a string");
  return member->AsString();
}

Status DecodeEntry(const json::Value& entry, Managers& managers) {
  if (!entry.IsObject()) return Invalid("", "an entry must be an object");
  Manager manager;
  Owned owned;
  ASYA_TRY(manager.name, Text(entry, "manager"));
  ASYA_TRY(manager.subresource, Text(entry, "subresource"));
  ASYA_TRY(const std::string operation, Text(entry, "operation"));
  if (operation != "Apply" && operation != "Update") return Invalid("", "operation must be `Apply` or `Update`");
  manager.operation = operation == "Apply" ? Operation::kApply : Operation::kUpdate;
  ASYA_TRY(owned.api_version, Text(entry, "apiVersion"));
  if (owned.api_version.empty()) return Invalid("", "apiVersion must not be empty");
  if (manager.operation == Operation::kUpdate) manager.api_version = owned.api_version;
  ASYA_TRY(const std::string type, Text(entry, "fieldsType"));
  if (type != kFieldsType) return Invalid("", "fieldsType must be FieldsV1");
  ASYA_TRY(const std::string time, Text(entry, "time"));
  if (!time.empty()) {
    owned.time = ParseRfc3339(time);
    if (!owned.time) return Invalid("", "time must be as in RFC 3339");
  }
  if (const json::Value* fields = entry.Find("fieldsV1")) {
    ASYA_TRY(owned.fields, DecodeFieldSet(*fields));
  }
  managers[std::move(manager)] = std::move(owned);
  return Ok();
}

}  // namespace

json::Array EncodeManagers(const Managers& managers) {
  std::vector<const Managers::value_type*> order;
  order.reserve(managers.size());
  for (const auto& manager : managers) order.push_back(&manager);
  const auto key = [](const Managers::value_type& entry) {
    return std::make_tuple(entry.first.operation, SecondsOf(entry.second), std::string_view(entry.first.name),
                           std::string_view(entry.second.api_version), std::string_view(entry.first.subresource));
  };
  std::sort(order.begin(), order.end(), [&](const auto* a, const auto* b) { return key(*a) < key(*b); });
  json::Array entries;
  for (const auto* entry : order) entries.push_back(EncodeEntry(entry->first, entry->second));
  return entries;
}

Result<Managers> DecodeManagers(const json::Value& entries) {
  Managers managers;
  if (entries.IsNull()) return managers;
  if (!entries.IsArray()) return Invalid("", "managedFields must be a list");
  if (entries.AsArray().size() > kManagersLimit) return Invalid("", "too many managers");
  for (const json::Value& entry : entries.AsArray()) ASYA_TRY_STATUS(DecodeEntry(entry, managers));
  return managers;
}

}  // namespace asya::model
