#include "reconcilers/owner_index.h"

#include <utility>

#include "core/json/parse.h"
#include "model/kinds.h"
#include "reconcilers/objects.h"

namespace asya::reconcilers {
namespace {

// The group decides, not the version: an owner may have been named by another one.
std::optional<ports::ObjectKey> KeyOf(const json::Value& reference, const std::string& namespace_) {
  const std::string version = reference.GetString("apiVersion").value_or("");
  const std::string kind = reference.GetString("kind").value_or("");
  const std::string name = reference.GetString("name").value_or("");
  if (version == "v1" && kind == "Namespace") return ports::ObjectKey{kNamespaces, "", name};
  if (version.substr(0, version.find('/')) != model::kGroup) return std::nullopt;
  const model::KindInfo* info = model::FindKindByName(kind);
  if (info == nullptr) return std::nullopt;
  if (!info->namespaced) return ports::ObjectKey{info->plural, "", name};
  // An object of the whole cluster cannot have an owner in a namespace: nobody knows in which.
  if (namespace_.empty()) return std::nullopt;
  return ports::ObjectKey{info->plural, namespace_, name};
}

bool Holds(const ports::Record& record, const char* text) { return record.json->find(text) != std::string::npos; }

// Decoding every object at every change of its status would be dear.
bool MayConcernCollector(const ports::Record& record) {
  return Holds(record, "\"ownerReferences\"") ||
         (Holds(record, "\"deletionTimestamp\"") &&
          (Holds(record, kForegroundFinalizer) || Holds(record, kOrphanFinalizer)));
}

}  // namespace

std::vector<OwnerReference> OwnersOf(const json::Value& object, const std::string& namespace_) {
  std::vector<OwnerReference> owners;
  const json::Value* list = object.FindPath({"metadata", "ownerReferences"});
  if (list == nullptr || !list->IsArray()) return owners;
  for (const json::Value& item : list->AsArray()) {
    const std::string uid = item.GetString("uid").value_or("");
    if (uid.empty()) continue;
    owners.push_back({uid, KeyOf(item, namespace_), item.GetBool("blockOwnerDeletion").value_or(false)});
  }
  return owners;
}

void OwnerIndex::Set(const ports::ObjectKey& key, std::vector<OwnerReference> owners) {
  if (const auto before = owners_.find(key); before != owners_.end()) {
    for (const OwnerReference& owner : before->second) {
      const auto found = dependents_.find(owner.uid);
      if (found == dependents_.end()) continue;
      found->second.erase(key);
      if (found->second.empty()) dependents_.erase(found);
    }
    owners_.erase(before);
  }
  if (owners.empty()) return;
  for (const OwnerReference& owner : owners) dependents_[owner.uid].insert(key);
  owners_[key] = std::move(owners);
}

OwnerIndex::Keys OwnerIndex::PutLocked(const ports::Record& record) {
  Keys look;
  const auto before = owners_.find(record.key);
  if (!MayConcernCollector(record) && before == owners_.end()) return look;
  const auto object = json::Parse(*record.json);
  if (!object.ok()) return look;
  std::vector<OwnerReference> owners = OwnersOf(*object, record.key.namespace_);
  const std::vector<OwnerReference> old = before == owners_.end() ? std::vector<OwnerReference>() : before->second;
  if (IsBeingDeleted(*object) || (owners != old && !owners.empty())) look.push_back(record.key);
  if (owners == old) return look;
  for (const auto& list : {old, owners}) {
    for (const OwnerReference& owner : list) {
      if (owner.key) look.push_back(*owner.key);
    }
  }
  Set(record.key, std::move(owners));
  return look;
}

OwnerIndex::Keys OwnerIndex::Put(const ports::Record& record) {
  const std::lock_guard lock(mutex_);
  return PutLocked(record);
}

OwnerIndex::Keys OwnerIndex::Remove(const ports::Record& record) {
  const std::lock_guard lock(mutex_);
  Keys look;
  if (const auto dependents = dependents_.find(record.uid); dependents != dependents_.end()) {
    look.assign(dependents->second.begin(), dependents->second.end());
  }
  if (const auto owners = owners_.find(record.key); owners != owners_.end()) {
    for (const OwnerReference& owner : owners->second) {
      if (owner.key) look.push_back(*owner.key);
    }
  }
  Set(record.key, {});
  return look;
}

OwnerIndex::Keys OwnerIndex::Replace(const std::string& resource, const ports::Records& all) {
  const std::lock_guard lock(mutex_);
  std::set<ports::ObjectKey> present;
  Keys look;
  for (const ports::Record& record : all) {
    present.insert(record.key);
    for (ports::ObjectKey& key : PutLocked(record)) look.push_back(std::move(key));
  }
  Keys gone;
  for (const auto& [key, owners] : owners_) {
    if (key.resource != resource || present.contains(key)) continue;
    gone.push_back(key);
    for (const OwnerReference& owner : owners) {
      if (owner.key) look.push_back(*owner.key);
    }
  }
  for (const ports::ObjectKey& key : gone) Set(key, {});
  for (const auto& [key, owners] : owners_) look.push_back(key);
  listed_.insert(resource);
  return look;
}

OwnerIndex::Keys OwnerIndex::DependentsOf(const std::string& uid) const {
  const std::lock_guard lock(mutex_);
  const auto found = dependents_.find(uid);
  return found == dependents_.end() ? Keys() : Keys(found->second.begin(), found->second.end());
}

bool OwnerIndex::Complete(const std::vector<std::string>& resources) const {
  const std::lock_guard lock(mutex_);
  for (const std::string& resource : resources) {
    if (!listed_.contains(resource)) return false;
  }
  return true;
}

}  // namespace asya::reconcilers
