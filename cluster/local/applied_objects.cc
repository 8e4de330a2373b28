#include "cluster/local/applied_objects.h"

#include "core/base/random.h"

namespace asya::cluster::local {
namespace {

constexpr const char* kOwnerLabel = "asya.sh/owner-uid";

void MergeInto(json::Value& target, const json::Value& given) {
  if (!given.IsObject()) {
    target = given;
    return;
  }
  if (!target.IsObject()) target = json::Object{};
  for (const auto& [key, value] : given.AsObject()) MergeInto(target[key], value);
}

// The values that other managers gave at one place.
using Others = std::vector<const json::Value*>;

Others Below(const Others& others, const std::string& key) {
  Others below;
  for (const auto* other : others) {
    if (const json::Value* value = other->Find(key)) below.push_back(value);
  }
  return below;
}

void RemoveGivenUp(json::Value& target, const json::Value& before, const json::Value& now, const Others& others) {
  if (!target.IsObject() || !before.IsObject()) return;
  for (const auto& [key, old_value] : before.AsObject()) {
    json::Value* member = target.Find(key);
    if (member == nullptr) continue;
    const json::Value* new_value = now.Find(key);
    const Others others_below = Below(others, key);
    if (new_value == nullptr && others_below.empty()) {
      target.AsObject().erase(key);
    } else {
      const json::Value nothing = json::Object{};
      RemoveGivenUp(*member, old_value, new_value == nullptr ? nothing : *new_value, others_below);
    }
  }
}

json::Value WithoutStatus(json::Value object) {
  if (object.IsObject()) object.AsObject().erase("status");
  return object;
}

}  // namespace

Result<ports::ResourceRef> RefOf(const json::Value& object) {
  const json::Value* metadata = object.Find("metadata");
  const auto api_version = object.GetString("apiVersion");
  const auto kind = object.GetString("kind");
  const auto name = metadata == nullptr ? std::nullopt : metadata->GetString("name");
  if (!api_version) return Invalid("apiVersion", "is missing");
  if (!kind) return Invalid("kind", "is missing");
  if (!name) return Invalid("metadata.name", "is missing");
  return ports::ResourceRef{*api_version, *kind, metadata->GetString("namespace").value_or(""), *name};
}

std::string OwnerOf(const json::Value& object) {
  const json::Value* labels = object.FindPath({"metadata", "labels"});
  return labels == nullptr ? "" : labels->GetString(kOwnerLabel).value_or("");
}

Result<ports::Applied> AppliedObjects::Apply(const json::Value& object, const std::string& manager, WallTime now) {
  ASYA_TRY(const auto ref, RefOf(object));
  const json::Value given = WithoutStatus(object);
  const auto [found, added] = entries_.try_emplace(ref);
  Entry& entry = found->second;
  if (added) {
    entry.object = json::Object{};
    json::Value& metadata = entry.object["metadata"];
    metadata["uid"] = NewUuid();
    metadata["generation"] = 0;
    metadata["creationTimestamp"] = FormatRfc3339(now);
  }
  const json::Value before = entry.object;
  Others others;
  for (const auto& [name, value] : entry.by_manager) {
    if (name != manager) others.push_back(&value);
  }
  const auto mine = entry.by_manager.find(manager);
  if (mine != entry.by_manager.end()) RemoveGivenUp(entry.object, mine->second, given, others);
  MergeInto(entry.object, given);
  entry.by_manager[manager] = given;
  if (entry.object == before) return ports::Applied{false};
  const json::Value* spec = entry.object.Find("spec");
  const json::Value* old_spec = before.Find("spec");
  if (spec != nullptr && (old_spec == nullptr || *spec != *old_spec)) {
    json::Value& metadata = entry.object["metadata"];
    metadata["generation"] = metadata.GetInt("generation").value_or(0) + 1;
  }
  return ports::Applied{true};
}

AppliedObjects::Entry* AppliedObjects::Find(const ports::ResourceRef& ref) {
  const auto found = entries_.find(ref);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<ports::ResourceRef> AppliedObjects::OwnedBy(const std::string& owner_uid) const {
  std::vector<ports::ResourceRef> owned;
  for (const auto& [ref, entry] : entries_) {
    if (OwnerOf(entry.object) == owner_uid) owned.push_back(ref);
  }
  return owned;
}

}  // namespace asya::cluster::local
