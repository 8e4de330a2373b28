#include "reconcilers/actor_index.h"

#include <algorithm>
#include <functional>

#include "model/kinds.h"
#include "reconcilers/objects.h"

namespace asya::reconcilers {
namespace {

std::size_t Meaning(json::Value actor) {
  actor.AsObject().erase("status");
  if (json::Value* metadata = actor.Find("metadata"); metadata != nullptr && metadata->IsObject()) {
    metadata->AsObject().erase("managedFields");
    metadata->AsObject().erase("resourceVersion");
  }
  return std::hash<std::string>{}(json::Dump(actor));
}

}  // namespace

ActorIndex::Entry ActorIndex::EntryOf(const std::string& uid, const json::Value& actor) {
  Entry entry;
  entry.uid = uid;
  entry.queue = model::ActorQueueName(actor);
  entry.deleting = IsBeingDeleted(actor);
  entry.identity = model::ActorIdentity(actor);
  entry.is_system = IsSystem(actor);
  entry.meaning = Meaning(actor);
  const json::Value* spec = actor.Find("spec");
  if (spec == nullptr) return entry;
  entry.transport = spec->GetString("transport").value_or("");
  const json::Value* flavors = spec->Find("flavors");
  if (flavors == nullptr || !flavors->IsArray()) return entry;
  for (const auto& flavor : flavors->AsArray()) {
    if (flavor.IsString()) entry.flavors.insert(flavor.AsString());
  }
  return entry;
}

ActorIndex::Change ActorIndex::Put(const Key& key, const std::string& uid, const json::Value& actor) {
  Entry entry = EntryOf(uid, actor);
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  const bool known = found != entries_.end() && found->second.uid == uid;
  if (known && found->second.meaning == entry.meaning) return Change::kNone;
  const bool same_queue = known && found->second.queue == entry.queue;
  if (same_queue) ForgetPlaceLocked(key, found->second);
  if (found != entries_.end() && !same_queue) ForgetLocked(key);
  by_uid_[entry.uid] = key;
  if (!same_queue) by_queue_.emplace(entry.queue, key);
  Namespace& place = namespaces_[key.namespace_];
  place.identities.insert(entry.identity);
  if (!entry.is_system) ++place.transports[entry.transport];
  entries_[key] = std::move(entry);
  return known ? Change::kOther : Change::kNew;
}

void ActorIndex::ForgetPlaceLocked(const Key& key, const Entry& entry) {
  const auto place = namespaces_.find(key.namespace_);
  if (place == namespaces_.end()) return;
  place->second.identities.extract(entry.identity);
  if (!entry.is_system) {
    const auto named = place->second.transports.find(entry.transport);
    if (--named->second == 0) place->second.transports.erase(named);
  }
  if (place->second.identities.empty()) namespaces_.erase(place);
}

void ActorIndex::ForgetLocked(const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  by_uid_.erase(found->second.uid);
  ForgetQueueLocked(found->second.queue, key);
  ForgetPlaceLocked(key, found->second);
  entries_.erase(found);
}

void ActorIndex::ForgetQueueLocked(const std::string& queue, const Key& key) {
  const auto [begin, end] = by_queue_.equal_range(queue);
  const auto own = std::find_if(begin, end, [&key](const auto& claim) { return claim.second == key; });
  if (own != end) by_queue_.erase(own);
}

bool ActorIndex::Remove(const Key& key) {
  const std::lock_guard lock(mutex_);
  const bool known = entries_.count(key) > 0;
  ForgetLocked(key);
  return known;
}

std::vector<Key> ActorIndex::Retain(const std::set<Key>& present) {
  const std::lock_guard lock(mutex_);
  complete_ = true;
  std::vector<Key> gone;
  for (const auto& [key, entry] : entries_) {
    if (present.count(key) == 0) gone.push_back(key);
  }
  for (const auto& key : gone) ForgetLocked(key);
  return gone;
}

bool ActorIndex::Complete() const {
  const std::lock_guard lock(mutex_);
  return complete_;
}

std::vector<Key> ActorIndex::All() const {
  const std::lock_guard lock(mutex_);
  std::vector<Key> keys;
  for (const auto& [key, entry] : entries_) keys.push_back(key);
  return keys;
}

std::optional<Key> ActorIndex::ByUid(const std::string& uid) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_uid_.find(uid);
  return found == by_uid_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<ActorIndex::Owner> ActorIndex::ByQueue(const std::string& queue) const {
  const std::lock_guard lock(mutex_);
  const auto first = by_queue_.lower_bound(queue);
  if (first == by_queue_.end() || first->first != queue) return std::nullopt;
  return Owner{first->second, entries_.at(first->second).deleting};
}

std::vector<Key> ActorIndex::WithFlavor(const std::string& flavor) const {
  const std::lock_guard lock(mutex_);
  std::vector<Key> keys;
  for (const auto& [key, entry] : entries_) {
    if (entry.flavors.count(flavor) > 0) keys.push_back(key);
  }
  return keys;
}

std::vector<Key> ActorIndex::WithTransport(const std::string& transport) const {
  const std::lock_guard lock(mutex_);
  std::vector<Key> keys;
  for (const auto& [key, entry] : entries_) {
    if (entry.transport.empty() || entry.transport == transport) keys.push_back(key);
  }
  return keys;
}

bool ActorIndex::HasIdentity(const std::string& namespace_, const std::string& identity) const {
  const std::lock_guard lock(mutex_);
  const auto place = namespaces_.find(namespace_);
  return place != namespaces_.end() && place->second.identities.contains(identity);
}

std::vector<Key> ActorIndex::WithIdentity(const std::string& namespace_, const std::string& identity) const {
  const std::lock_guard lock(mutex_);
  std::vector<Key> keys;
  for (auto at = entries_.lower_bound(Key{namespace_, ""}); at != entries_.end(); ++at) {
    if (at->first.namespace_ != namespace_) break;
    if (at->second.identity == identity) keys.push_back(at->first);
  }
  return keys;
}

bool ActorIndex::HasUserActor(const std::string& namespace_) const {
  const std::lock_guard lock(mutex_);
  const auto place = namespaces_.find(namespace_);
  return place != namespaces_.end() && !place->second.transports.empty();
}

std::optional<std::string> ActorIndex::CommonTransport(const std::string& namespace_) const {
  const std::lock_guard lock(mutex_);
  const auto place = namespaces_.find(namespace_);
  if (place == namespaces_.end() || place->second.transports.size() != 1) return std::nullopt;
  const std::string& named = place->second.transports.begin()->first;
  return named.empty() ? std::nullopt : std::optional<std::string>(named);
}

std::vector<std::pair<std::string, Key>> ActorIndex::Queues() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, Key>> queues;
  for (const auto& [key, entry] : entries_) queues.emplace_back(entry.queue, key);
  return queues;
}

}  // namespace asya::reconcilers
