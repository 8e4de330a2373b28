#include "storage/memory/object_store.h"

#include <algorithm>
#include <utility>

#include "storage/damage.h"
#include "storage/preconditions.h"

namespace asya::storage::memory {

using ports::Author;
using ports::Event;
using ports::ObjectKey;
using ports::Precondition;
using ports::Record;
using ports::Revision;

ObjectStore::ObjectStore(const Clock& clock, const BroadcasterSettings& settings)
    : clock_(clock),
      broadcaster_(settings, clock, [this](const ports::WatchQuery& query, Revision from, const BatchLimits& limits) {
        return ReadLog(query, from, limits);
      }) {}

ObjectStore::~ObjectStore() { Stop(); }

void ObjectStore::Start() {
  const std::lock_guard lock(mutex_);
  broadcaster_.Start(head_);
}

void ObjectStore::Stop() { broadcaster_.Stop(); }

Result<Record> ObjectStore::Create(Record record, const Author& author) {
  const std::lock_guard lock(mutex_);
  if (objects_.contains(record.key)) return AlreadyExists(record.key);
  Commit(Event::Type::kAdded, record, std::nullopt, author);
  objects_[record.key] = record;
  return record;
}

Result<Record> ObjectStore::Update(Record record, const Precondition& precondition, const Author& author) {
  const std::lock_guard lock(mutex_);
  Precondition guard = precondition;
  if (!guard.uid && !record.uid.empty()) guard.uid = record.uid;
  ASYA_TRY(const auto found, Find(record.key, guard));
  record.uid = found->second.uid;
  Commit(Event::Type::kModified, record, found->second, author);
  found->second = record;
  return record;
}

Result<Record> ObjectStore::Delete(const ObjectKey& key, const Precondition& precondition, const Author& author) {
  const std::lock_guard lock(mutex_);
  ASYA_TRY(const auto found, Find(key, precondition));
  Record record = found->second;
  Commit(Event::Type::kDeleted, record, found->second, author);
  objects_.erase(found);
  return record;
}

Result<ObjectStore::Objects::iterator> ObjectStore::Find(const ObjectKey& key, const Precondition& precondition) {
  const auto found = objects_.find(key);
  if (found == objects_.end()) return NoSuchObject(key);
  if (auto violation = Violation(found->second, precondition)) return *violation;
  return found;
}

void ObjectStore::Commit(Event::Type type, Record& record, std::optional<Record> before, const Author& author) {
  record.damaged = IsDamaged(*record.json);
  head_ = Revision(head_.get() + 1);
  record.revision = head_;
  Event event{type, record, nullptr};
  if (before) event.previous = std::make_shared<const Record>(*before);
  if (author.keep_history) {
    history_.push_back(ports::HistoryEntry{record.key, record.uid, record.revision, clock_.Now(), author, record.json});
  }
  log_.push_back(LogEntry{event, std::move(before)});
  broadcaster_.Append(std::move(event));
}

Result<Record> ObjectStore::Get(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return NoSuchObject(key);
  return Whole(found->second);
}

ObjectStore::Objects ObjectStore::At(const std::string& resource, Revision revision) const {
  Objects objects;
  for (auto found = objects_.lower_bound({resource, "", ""});
       found != objects_.end() && found->first.resource == resource; ++found) {
    objects.emplace_hint(objects.end(), *found);
  }
  for (auto entry = log_.rbegin(); entry != log_.rend() && entry->event.record.revision > revision; ++entry) {
    const ObjectKey& key = entry->event.record.key;
    if (key.resource != resource) continue;
    if (entry->before) {
      objects[key] = *entry->before;
    } else {
      objects.erase(key);
    }
  }
  return objects;
}

Result<ports::Page> ObjectStore::List(const ports::ListQuery& query) {
  const std::lock_guard lock(mutex_);
  ports::Page page;
  page.revision = query.at.value_or(head_);
  if (page.revision < compacted_) return Compacted(page.revision, compacted_);
  if (page.revision > head_) return NotYetReached(page.revision, head_);
  std::int64_t rest = 0;
  for (const auto& [key, record] : At(query.resource, page.revision)) {
    if (query.namespace_ && key.namespace_ != *query.namespace_) continue;
    if (query.after && key <= *query.after) continue;
    if (!query.selector.Matches(record)) continue;
    if (query.limit > 0 && static_cast<std::int64_t>(page.items.size()) == query.limit) {
      ++rest;
      continue;
    }
    page.items.push_back(record);
  }
  page.more = rest > 0;
  if (page.more && query.selector.empty()) page.remaining = rest;
  return Whole(std::move(page));
}

Result<Revision> ObjectStore::Head() {
  const std::lock_guard lock(mutex_);
  return head_;
}

Result<std::shared_ptr<void>> ObjectStore::Watch(const ports::WatchQuery& query, Revision from,
                                                 std::shared_ptr<ports::WatchSink> sink) {
  {
    const std::lock_guard lock(mutex_);
    if (from < compacted_) return Compacted(from, compacted_);
  }
  return broadcaster_.Watch(query, from, std::move(sink));
}

Result<LogPage> ObjectStore::ReadLog(const ports::WatchQuery& query, Revision from, const BatchLimits& limits) const {
  const std::lock_guard lock(mutex_);
  if (from < compacted_) return Compacted(from, compacted_);
  LogPage page;
  page.upto = head_;
  for (const auto& entry : log_) {
    const Record& record = entry.event.record;
    if (record.revision <= from || record.key.resource != query.resource) continue;
    if (query.namespace_ && record.key.namespace_ != *query.namespace_) continue;
    if (!page.Add(entry.event, limits)) break;
  }
  return page;
}

Result<std::vector<ports::HistoryEntry>> ObjectStore::History(const ports::HistoryQuery& query) {
  const std::lock_guard lock(mutex_);
  std::vector<ports::HistoryEntry> entries;
  for (auto entry = history_.rbegin(); entry != history_.rend(); ++entry) {
    if (static_cast<std::int64_t>(entries.size()) == query.limit) break;
    const bool one_of_these = entry->key == query.key && (!query.uid || entry->uid == *query.uid);
    const bool early_enough = (!query.upto || entry->revision <= *query.upto) && (!query.at || entry->at <= *query.at);
    if (!one_of_these || !early_enough) continue;
    if (IsDamaged(*entry->json)) return Damaged({entry->key, entry->uid, entry->revision, {}, entry->json});
    entries.push_back(*entry);
  }
  return entries;
}

Status ObjectStore::Compact(Revision upto) {
  const std::lock_guard lock(mutex_);
  compacted_ = std::max(compacted_, std::min(upto, head_));
  while (!log_.empty() && log_.front().event.record.revision <= compacted_) log_.pop_front();
  return Ok();
}

}  // namespace asya::storage::memory
