#include "cluster/kubernetes/object_cache.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "cluster/kubernetes/child_kinds.h"
#include "cluster/kubernetes/count_managers.h"
#include "cluster/kubernetes/projection.h"

namespace asya::cluster::kubernetes {

std::uint64_t VersionOf(const json::Value& object) {
  const std::string text = MetadataOf(object, "resourceVersion");
  std::uint64_t version = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), version);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? version : 0;
}

std::set<std::string> ObjectCache::Replace(const std::string& kind, std::vector<json::Value> all,
                                           std::uint64_t version) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> owners;
  std::set<ports::ResourceRef> present;
  for (json::Value& object : all) {
    const auto ref = RefOf(object);
    if (!ref.ok()) continue;
    present.insert(*ref);
    owners.merge(PutLocked(std::move(object)));
  }
  std::vector<ports::ResourceRef> gone;
  for (const auto& [ref, entry] : entries_) {
    // One that was written after the list was made is not in it.
    if (ref.kind == kind && entry.version <= version && present.count(ref) == 0) gone.push_back(ref);
  }
  for (const auto& ref : gone) owners.merge(RemoveLocked(ref, version));
  seen_[kind] = std::max(seen_[kind], version);
  return owners;
}

std::set<std::string> ObjectCache::Put(json::Value object) {
  const std::lock_guard lock(mutex_);
  std::uint64_t& seen = seen_[object.GetString("kind").value_or("")];
  seen = std::max(seen, VersionOf(object));
  return PutLocked(std::move(object));
}

std::set<std::string> ObjectCache::Remove(const json::Value& object) {
  const auto ref = RefOf(object);
  if (!ref.ok()) return {};
  const std::lock_guard lock(mutex_);
  std::uint64_t& seen = seen_[ref->kind];
  seen = std::max(seen, VersionOf(object));
  return RemoveLocked(*ref, VersionOf(object));
}

std::set<std::string> ObjectCache::Forget(const std::string& kind) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> owners;
  std::vector<std::pair<ports::ResourceRef, std::uint64_t>> all;
  for (const auto& [ref, entry] : entries_) {
    if (ref.kind == kind) all.emplace_back(ref, entry.version);
  }
  for (const auto& [ref, version] : all) owners.merge(RemoveLocked(ref, version));
  seen_.erase(kind);
  return owners;
}

void ObjectCache::SeenUpTo(const std::string& kind, std::uint64_t version) {
  const std::lock_guard lock(mutex_);
  seen_[kind] = std::max(seen_[kind], version);
}

void ObjectCache::PutWritten(json::Value object) {
  const auto ref = RefOf(object);
  if (!ref.ok()) return;
  const std::lock_guard lock(mutex_);
  // Missing, and the watch is past it: it has been deleted since.
  if (entries_.count(*ref) == 0 && VersionOf(object) <= seen_[ref->kind]) return;
  PutLocked(std::move(object));
}

std::set<std::string> ObjectCache::PutLocked(json::Value object) {
  const auto ref = RefOf(object);
  if (!ref.ok()) return {};
  const std::uint64_t version = VersionOf(object);
  const auto [found, is_new] = entries_.try_emplace(*ref);
  const ports::ResourceRef& key = found->first;
  Entry& entry = found->second;
  if (is_new) ++counts_[key.kind];
  if (!is_new && version != 0 && version <= entry.version) return {};
  std::set<std::string> owners;
  std::string owner = owner_of_(object);
  if (entry.owner != owner) {
    if (const auto set = by_owner_.find(entry.owner); set != by_owner_.end()) {
      set->second.erase(key);
      if (set->second.empty()) by_owner_.erase(set);
    }
    if (!entry.owner.empty()) owners.insert(entry.owner);
    if (!owner.empty()) by_owner_[owner].insert(key);
  }
  if (!owner.empty()) owners.insert(owner);
  // Who manages which other field is of no use here, and is often most of an object.
  object = WithCountManagersAlone(std::move(object));
  entry = Entry{std::make_shared<const json::Value>(Shortened(std::move(object))), version, std::move(owner)};
  return owners;
}

std::set<std::string> ObjectCache::RemoveLocked(const ports::ResourceRef& ref, std::uint64_t version) {
  const auto found = entries_.find(ref);
  // One of the same name may have been made since.
  if (found == entries_.end() || found->second.version > version) return {};
  std::set<std::string> owners;
  if (const std::string& owner = found->second.owner; !owner.empty()) {
    owners.insert(owner);
    const auto set = by_owner_.find(owner);
    set->second.erase(ref);
    if (set->second.empty()) by_owner_.erase(set);
  }
  --counts_[ref.kind];
  entries_.erase(found);
  return owners;
}

std::size_t ObjectCache::CountOf(const std::string& kind) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(kind);
  return found == counts_.end() ? 0 : found->second;
}

ObjectCache::Object ObjectCache::Find(const ports::ResourceRef& ref) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(ref);
  return found == entries_.end() ? nullptr : found->second.object;
}

std::vector<ObjectCache::Object> ObjectCache::All() const {
  std::vector<Object> all;
  const std::lock_guard lock(mutex_);
  all.reserve(entries_.size());
  for (const auto& [ref, entry] : entries_) all.push_back(entry.object);
  return all;
}

std::vector<ports::Observed> ObjectCache::OwnedBy(const std::string& owner) const {
  std::vector<ports::Observed> owned;
  const std::lock_guard lock(mutex_);
  const auto set = by_owner_.find(owner);
  if (set == by_owner_.end()) return owned;
  for (const auto& ref : set->second) owned.push_back({ref, *entries_.at(ref).object});
  return owned;
}

}  // namespace asya::cluster::kubernetes
