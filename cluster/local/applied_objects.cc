#include "cluster/local/applied_objects.h"

#include <algorithm>
#include <utility>

#include "cluster/local/packing.h"
#include "core/base/random.h"
#include "core/json/parse.h"

namespace asya::cluster::local {
namespace {

void MergeInto(json::Value& target, const json::Value& given) {
  if (!given.IsObject()) {
    target = given;
    return;
  }
  if (!target.IsObject()) target = json::Object{};
  for (const auto& [key, value] : given.AsObject()) MergeInto(target[key], value);
}

bool SameSpec(const json::Value& a, const json::Value& b) {
  const json::Value* one = a.Find("spec");
  const json::Value* other = b.Find("spec");
  if (one == nullptr || other == nullptr) return one == other;
  return *one == *other;
}

}  // namespace

json::Value AppliedObjects::Merged(const ports::ResourceRef& ref, const std::vector<Given>& all) const {
  json::Value object = json::Object{};
  for (const Given& given : all) {
    // Our own text.
    MergeInto(object, json::Parse(Unpack(given.packed, dictionaries_.at(ref.kind))).value());
  }
  return object;
}

json::Value AppliedObjects::Object(const ports::ResourceRef& ref) const {
  const auto found = entries_.find(ref);
  if (found == entries_.end()) return {};
  const Entry& entry = found->second;
  json::Value object = Merged(ref, entry.given);
  json::Value& metadata = object["metadata"];
  metadata["uid"] = entry.uid;
  metadata["generation"] = entry.generation;
  metadata["creationTimestamp"] = entry.created_at;
  return object;
}

Result<ports::Applied> AppliedObjects::Apply(const json::Value& object, const std::string& manager, WallTime now) {
  ASYA_TRY(const auto ref, ports::RefOf(object));
  json::Value wanted = object;
  wanted.AsObject().erase("status");
  const std::string text = json::Dump(wanted);
  const std::string& dictionary = dictionaries_.try_emplace(ref.kind, text).first->second;
  Given given{manager, Pack(text, dictionary)};
  const auto [found, added] = entries_.try_emplace(ref);
  Entry& entry = found->second;
  if (added) {
    entry.uid = NewUuid();
    entry.created_at = FormatRfc3339(now);
  } else if (entry.given.back().manager == manager && entry.given.back().packed == given.packed) {
    return ports::Applied{false};
  }
  const json::Value before = Merged(ref, entry.given);
  std::erase_if(entry.given, [&](const Given& other) { return other.manager == manager; });
  entry.given.push_back(std::move(given));
  const json::Value after = Merged(ref, entry.given);
  if (after == before) return ports::Applied{false};
  if (!SameSpec(before, after)) ++entry.generation;
  SetOwner(found->first, entry, ports::LabelOf(after, ports::kOwnerLabel));
  return ports::Applied{true};
}

Result<ports::TriedApply> AppliedObjects::Try(const json::Value& object, const std::string& manager) const {
  ASYA_TRY(const auto ref, ports::RefOf(object));
  json::Value wanted = object;
  wanted.AsObject().erase("status");
  const auto found = entries_.find(ref);
  if (found == entries_.end()) return ports::TriedApply{json::Value(), std::move(wanted)};
  std::vector<Given> others = found->second.given;
  std::erase_if(others, [&](const Given& other) { return other.manager == manager; });
  ports::TriedApply tried{Merged(ref, found->second.given), Merged(ref, others)};
  MergeInto(tried.after, wanted);
  return tried;
}

void AppliedObjects::SetOwner(const ports::ResourceRef& ref, Entry& entry, const std::string& owner) {
  if (const auto former = by_owner_.find(entry.owner); former != by_owner_.end()) {
    std::erase(former->second, &ref);
    if (former->second.empty()) by_owner_.erase(former);
  }
  entry.owner = owner;
  auto& owned = by_owner_[owner];
  const auto place = std::ranges::upper_bound(owned, ref, {}, [](const ports::ResourceRef* one) { return *one; });
  owned.insert(place, &ref);
}

AppliedObjects::Entry* AppliedObjects::Find(const ports::ResourceRef& ref) {
  const auto found = entries_.find(ref);
  return found == entries_.end() ? nullptr : &found->second;
}

void AppliedObjects::Erase(const ports::ResourceRef& ref) {
  const auto found = entries_.find(ref);
  if (found == entries_.end()) return;
  if (const auto owned = by_owner_.find(found->second.owner); owned != by_owner_.end()) {
    std::erase(owned->second, &found->first);
    if (owned->second.empty()) by_owner_.erase(owned);
  }
  entries_.erase(found);
}

std::vector<ports::ResourceRef> AppliedObjects::OwnedBy(const std::string& owner_uid) const {
  std::vector<ports::ResourceRef> owned;
  const auto found = by_owner_.find(owner_uid);
  if (found == by_owner_.end()) return owned;
  for (const ports::ResourceRef* ref : found->second) owned.push_back(*ref);
  return owned;
}

}  // namespace asya::cluster::local
