#include "webhooks/merge.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace asya::webhooks {
namespace {

// What tells the entries of a list apart; empty: the list is one value, or its entries have no names.
std::string_view KeyOf(std::string_view list) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kKeys = {
      {{"env", "name"}, {"ports", "name"}, {"volumeMounts", "mountPath"}}};
  for (const auto& [name, key] : kKeys) {
    if (name == list) return key;
  }
  return {};
}

bool HasMembersOfOthers(std::string_view field) {
  static constexpr std::array<std::string_view, 6> kFields = {"securityContext", "capabilities", "resources",
                                                              "limits",          "requests",     "lifecycle"};
  return std::find(kFields.begin(), kFields.end(), field) != kFields.end();
}

// Each entry of `wanted` over the one that has its key, else over the one that says the same, else at the end.
json::Value MergeList(const json::Value& present, const json::Array& wanted, std::string_view key) {
  json::Array merged = present.IsArray() ? present.AsArray() : json::Array();
  for (const json::Value& entry : wanted) {
    const auto found = std::find_if(merged.begin(), merged.end(), [&](const json::Value& one) {
      return key.empty() ? Covers(one, entry) : one.GetString(key) == entry.GetString(key);
    });
    if (found == merged.end()) {
      merged.push_back(entry);
    } else if (!Covers(*found, entry)) {
      *found = entry;
    }
  }
  return merged;
}

json::Value MergeMembers(const json::Value& present, const json::Object& wanted) {
  json::Value merged = present.IsObject() ? present : json::Value(json::Object());
  for (const auto& [field, value] : wanted) {
    if (value.IsNull()) {
      merged.AsObject().erase(field);
      continue;
    }
    const json::Value* found = merged.Find(field);
    if (found == nullptr) {
      merged[field] = value;
    } else if (value.IsArray() && (!KeyOf(field).empty() || field == "envFrom")) {
      merged[field] = MergeList(*found, value.AsArray(), KeyOf(field));
    } else if (value.IsObject() && HasMembersOfOthers(field)) {
      merged[field] = MergeMembers(*found, value.AsObject());
    } else if (!Covers(*found, value)) {
      merged[field] = value;
    }
  }
  return merged;
}

}  // namespace

bool Covers(const json::Value& present, const json::Value& wanted) {
  if (wanted.IsObject()) {
    if (!present.IsObject()) return false;
    const json::Object& members = wanted.AsObject();
    return std::all_of(members.begin(), members.end(), [&](const auto& member) {
      const json::Value* found = present.Find(member.first);
      return member.second.IsNull() ? found == nullptr : found != nullptr && Covers(*found, member.second);
    });
  }
  if (wanted.IsArray()) {
    if (!present.IsArray()) return false;
    const json::Array& have = present.AsArray();
    const json::Array& want = wanted.AsArray();
    if (have.size() != want.size()) return false;
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (!Covers(have[i], want[i])) return false;
    }
    return true;
  }
  return present == wanted;
}

json::Value MergeContainer(const json::Value& present, const json::Value& wanted) {
  if (!wanted.IsObject()) return present;
  return MergeMembers(present, wanted.AsObject());
}

const json::Value* FindNamed(const json::Array& list, std::string_view name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const json::Value& one) { return one.GetString("name") == name; });
  return found == list.end() ? nullptr : &*found;
}

}  // namespace asya::webhooks
