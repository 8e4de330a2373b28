#include "storage/mirror.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "storage/preconditions.h"

namespace asya::storage {

using ports::Event;
using ports::ListQuery;
using ports::ObjectKey;
using ports::Page;
using ports::Record;
using ports::Revision;

namespace {

std::size_t SizeOf(const Record& record) {
  std::size_t bytes = sizeof(Record) + record.key.namespace_.size() + record.key.name.size() + record.uid.size();
  for (const auto& [key, value] : record.labels) bytes += key.size() + value.size();
  return bytes + (record.json ? record.json->size() : 0);
}

// One of a map of the mirror, or of a snapshot.
const std::shared_ptr<const Record>& RecordAt(const std::shared_ptr<const Record>& record) { return record; }
template <class Key>
const std::shared_ptr<const Record>& RecordAt(const std::pair<const Key, std::shared_ptr<const Record>>& entry) {
  return entry.second;
}

// Takes what the query selects of [place, end), up to its limit.
template <class Iterator>
void Take(const ListQuery& query, Iterator place, Iterator end, Page& page) {
  for (; place != end; ++place) {
    const auto& record = RecordAt(*place);
    if (!query.selector.Matches(*record)) continue;
    page.more = query.limit > 0 && static_cast<std::int64_t>(page.items.size()) == query.limit;
    if (page.more) break;
    page.items.push_back(record);
  }
  if (page.more && query.selector.empty()) page.remaining = std::distance(place, end);
}

bool IsBefore(const ObjectKey& key, const std::shared_ptr<const Record>& record) {
  return std::tie(key.namespace_, key.name) < std::tie(record->key.namespace_, record->key.name);
}

}  // namespace

void Mirror::Fill(std::vector<Record> records, Revision at) {
  {
    const std::lock_guard lock(mutex_);
    Clear();
    too_large_ = false;
    for (const Record& record : records) Put(record);
    revision_ = at;
    filled_ = !too_large_;
    if (too_large_) Drop();
  }
  moved_.notify_all();
}

void Mirror::Apply(std::span<const Event> events, Revision upto) {
  {
    const std::lock_guard lock(mutex_);
    if (!filled_ && !too_large_) return;
    for (const Event& event : events) {
      if (event.record.revision <= revision_) continue;
      revision_ = event.record.revision;
      if (too_large_) {
        Count(event);
        continue;
      }
      Remove(event.record.key);
      if (event.type != Event::Type::kDeleted) Put(event.record);
    }
    revision_ = std::max(revision_, upto);
    if (too_large_) Drop();
    if (bytes_ <= bytes_max_ / 2) too_large_ = false;
  }
  moved_.notify_all();
}

void Mirror::Forget() {
  {
    const std::lock_guard lock(mutex_);
    Clear();
    too_large_ = false;
  }
  moved_.notify_all();
}

bool Mirror::Wanted() const {
  const std::lock_guard lock(mutex_);
  return bytes_max_ > 0 && !filled_ && !too_large_;
}

bool Mirror::Reach(Revision revision, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  moved_.wait_for(lock, patience, [&] { return !filled_ || revision_ >= revision; });
  return filled_ && revision_ >= revision;
}

std::optional<Result<Record>> Mirror::Get(const ObjectKey& key) const {
  std::shared_ptr<const Record> found;
  {
    const std::lock_guard lock(mutex_);
    if (!filled_) return std::nullopt;
    const auto objects = resources_.find(key.resource);
    if (objects == resources_.end()) return NoSuchObject(key);
    const auto place = objects->second.find(Place(key.namespace_, key.name));
    if (place == objects->second.end()) return NoSuchObject(key);
    found = place->second;
  }
  return *found;
}

std::optional<Page> Mirror::List(const ListQuery& query) const {
  Page page;
  const std::lock_guard lock(mutex_);
  if (!filled_) return std::nullopt;
  page.revision = query.at.value_or(revision_);
  if (page.revision != revision_) {
    const auto snapshot = FindSnapshot(query);
    if (!snapshot) return std::nullopt;
    const auto first =
        query.after ? std::upper_bound(snapshot->begin(), snapshot->end(), *query.after, IsBefore) : snapshot->begin();
    Take(query, first, snapshot->end(), page);
  } else if (const auto objects = resources_.find(query.resource); objects != resources_.end()) {
    const auto [first, last] = Range(objects->second, query);
    Take(query, first, last, page);
    if (page.more && !query.at) KeepSnapshot(query, first, last);
  }
  return page;
}

std::shared_ptr<const Mirror::Records> Mirror::FindSnapshot(const ListQuery& query) const {
  for (const Snapshot& snapshot : snapshots_) {
    if (snapshot.revision == *query.at && snapshot.resource == query.resource &&
        snapshot.namespace_ == query.namespace_) {
      return snapshot.records;
    }
  }
  return nullptr;
}

void Mirror::KeepSnapshot(const ListQuery& query, Objects::const_iterator first, Objects::const_iterator last) const {
  ListQuery same = query;
  same.at = revision_;
  // A first page has them all.
  if (query.after || FindSnapshot(same)) return;
  Records records;
  std::size_t bytes = 0;
  for (; first != last; ++first) {
    records.push_back(first->second);
    bytes += SizeOf(*first->second);
  }
  snapshots_.push_front(
      {query.resource, query.namespace_, revision_, std::make_shared<const Records>(std::move(records)), bytes});
  std::size_t kept = 0;
  std::size_t count = 0;
  while (count < snapshots_.size() && count < kSnapshotsMax) {
    kept += snapshots_[count].bytes;
    if (kept > bytes_max_) break;
    ++count;
  }
  snapshots_.resize(count);
}

void Mirror::Compact(Revision upto) {
  const std::lock_guard lock(mutex_);
  std::erase_if(snapshots_, [&](const Snapshot& snapshot) { return snapshot.revision < upto; });
}

std::pair<Mirror::Objects::const_iterator, Mirror::Objects::const_iterator> Mirror::Range(const Objects& objects,
                                                                                          const ListQuery& query) {
  Place begin;
  auto last = objects.end();
  if (query.namespace_) {
    begin = Place(*query.namespace_, "");
    // The next namespace that there can be.
    last = objects.lower_bound(Place(*query.namespace_ + '\0', ""));
  }
  auto first = objects.lower_bound(begin);
  if (query.after) {
    // A key beyond the namespace has nothing after it there.
    if (query.namespace_ && query.after->namespace_ > *query.namespace_) return {last, last};
    const Place after(query.after->namespace_, query.after->name);
    if (after >= begin) first = objects.upper_bound(after);
  }
  return {first, last};
}

void Mirror::Put(const Record& record) {
  bytes_ += SizeOf(record);
  too_large_ = too_large_ || bytes_ > bytes_max_;
  if (too_large_) return;
  resources_[record.key.resource][Place(record.key.namespace_, record.key.name)] =
      std::make_shared<const Record>(record);
}

void Mirror::Remove(const ObjectKey& key) {
  const auto objects = resources_.find(key.resource);
  if (objects == resources_.end()) return;
  const auto place = objects->second.find(Place(key.namespace_, key.name));
  if (place == objects->second.end()) return;
  bytes_ -= SizeOf(*place->second);
  objects->second.erase(place);
}

void Mirror::Count(const Event& event) {
  // Of a deletion the record is what was there.
  const Record* before = event.type == Event::Type::kDeleted ? &event.record : event.previous.get();
  if (event.type != Event::Type::kDeleted) bytes_ += SizeOf(event.record);
  if (before != nullptr) bytes_ -= std::min(bytes_, SizeOf(*before));
}

void Mirror::Drop() {
  resources_.clear();
  snapshots_.clear();
  filled_ = false;
}

void Mirror::Clear() {
  Drop();
  bytes_ = 0;
}

}  // namespace asya::storage
