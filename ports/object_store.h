// ObjectStore: objects of the API with revisions in commit order, history and watches, on any database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/base/strong.h"

namespace asya::ports {

// Position in the one log of all writes of a store; grows with every commit, never reused.
using Revision = Strong<struct RevisionTag, std::int64_t>;

struct ObjectKey {
  std::string resource;    // plural, e.g. "asyncactors"
  std::string namespace_;  // empty for cluster-scoped kinds
  std::string name;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

using Labels = std::map<std::string, std::string, std::less<>>;

// One stored object. `json` is the whole object as canonical JSON without metadata.resourceVersion and without
// white space, so that it begins `{"apiVersion":…,"kind":…,"metadata":{`.
struct Record {
  ObjectKey key;
  std::string uid;
  Revision revision;
  Labels labels;
  std::shared_ptr<const std::string> json;
  bool damaged = false;  // what is stored is no such JSON; within a store only, which gives an error in its place
};

// Who made a write, for the history.
struct Author {
  std::string user;
  std::string user_agent;
  std::string verb;          // create, update, patch, delete, restore
  bool keep_history = true;  // false for status writes
};

struct Precondition {
  std::optional<Revision> revision;
  std::optional<std::string> uid;
};

struct LabelRequirement {
  enum class Operator { kIn, kNotIn, kExists, kNotExists, kGreater, kLess };
  std::string key;
  Operator op = Operator::kExists;
  std::vector<std::string> values;  // kIn and kNotIn; of kGreater and kLess the one integer
  // Whether labels with these values meet it (Kubernetes selector semantics: kNotIn also matches an absent key).
  [[nodiscard]] bool Matches(const Labels& labels) const;
};

// What kGreater and kLess compare; nullopt for other text, of which neither is true.
std::optional<std::int64_t> LabelInteger(std::string_view text);

struct Selector {
  std::vector<LabelRequirement> labels;          // all must match
  std::optional<std::string> name;               // metadata.name=
  std::vector<std::string> names_excluded;       // metadata.name!=
  std::vector<std::string> namespaces_excluded;  // metadata.namespace!=
  [[nodiscard]] bool Matches(const Record& record) const;
  [[nodiscard]] bool empty() const {
    return labels.empty() && !name && names_excluded.empty() && namespaces_excluded.empty();
  }
};

struct ListQuery {
  std::string resource;
  std::optional<std::string> namespace_;  // nullopt: all namespaces
  Selector selector;
  std::int64_t limit = 0;  // 0: all
  // Continue after this key, at this revision; both or neither.
  std::optional<ObjectKey> after;
  std::optional<Revision> at;
  // Without `at`: the state of any moment from that revision on will do (0: any at all), where it is cheaper to have
  // than that of now or the database is away. Somebody has seen that revision of this store.
  std::optional<Revision> not_older_than = std::nullopt;
};

// Records that are shared with whoever else shows them, read as if they stood here: a list of thousands copies none.
class Records {
 public:
  using Pointer = std::shared_ptr<const Record>;
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Record;
    using difference_type = std::ptrdiff_t;
    using pointer = const Record*;
    using reference = const Record&;
    Iterator() = default;
    explicit Iterator(const Pointer* at) : at_(at) {}
    reference operator*() const { return **at_; }
    pointer operator->() const { return at_->get(); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(at_++); }
    bool operator==(const Iterator&) const = default;

   private:
    const Pointer* at_ = nullptr;
  };

  Records() = default;
  [[nodiscard]] Iterator begin() const { return Iterator(pointers_.data()); }
  [[nodiscard]] Iterator end() const { return Iterator(pointers_.data() + pointers_.size()); }
  [[nodiscard]] std::size_t size() const { return pointers_.size(); }
  [[nodiscard]] bool empty() const { return pointers_.empty(); }
  [[nodiscard]] const Record& operator[](std::size_t place) const { return *pointers_[place]; }
  [[nodiscard]] const Record& at(std::size_t place) const { return *pointers_.at(place); }
  [[nodiscard]] const Record& front() const { return *pointers_.front(); }
  [[nodiscard]] const Record& back() const { return *pointers_.back(); }
  void reserve(std::size_t count) { pointers_.reserve(count); }
  void push_back(Record record) { pointers_.push_back(std::make_shared<const Record>(std::move(record))); }
  void push_back(Pointer record) { pointers_.push_back(std::move(record)); }

 private:
  std::vector<Pointer> pointers_;
};

struct Page {
  Records items;      // by (namespace, name)
  Revision revision;  // the revision that the page shows; a watch from here misses nothing
  bool more = false;
  std::optional<std::int64_t> remaining;  // only without selectors
};

struct Event {
  enum class Type { kAdded, kModified, kDeleted, kBookmark };
  Type type = Type::kAdded;
  // kDeleted: the last state with the revision of the deletion; kBookmark: only revision
  Record record;
  std::shared_ptr<const Record> previous;  // kModified: the state before, for selectors that start or stop matching
};

// Gets the events of one watch. Called on the store's thread, in order; must not block.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  virtual void OnEvents(std::span<const Event> events) = 0;
  // The watch ended: kExpired (compacted or too slow: list again) or kUnavailable.
  virtual void OnClosed(const Error& error) = 0;
};

struct WatchQuery {
  std::string resource;
  std::optional<std::string> namespace_;
  // The selector is applied by the sink's owner, since a stop of matching has to be told as a deletion.
};

struct HistoryEntry {
  ObjectKey key;
  std::string uid;
  Revision revision;
  WallTime at{};
  Author author;
  std::shared_ptr<const std::string> json;  // the object after the write; for a deletion its last state
};

struct HistoryQuery {
  ObjectKey key;
  std::optional<std::string> uid;  // only of this object; nullopt: of every one that had the key
  std::optional<Revision> upto;    // only at or below it
  std::optional<WallTime> at;      // only written then or before
  std::int64_t limit = 1;
};

// What is stored and cannot be decoded fails what it is in, by kInternal with its name; watches go on without it.
// Blocking, thread safe; every call is bounded by the store's own deadline (kUnavailable or kTimeout when it passes).
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  // `record.revision` is ignored. kExists.
  virtual Result<Record> Create(Record record, const Author& author) = 0;
  // Replaces the object. kNotFound, kConflict (message for the person says which precondition).
  virtual Result<Record> Update(Record record, const Precondition& precondition, const Author& author) = 0;
  // Returns the last state with the revision of the deletion.
  virtual Result<Record> Delete(const ObjectKey& key, const Precondition& precondition, const Author& author) = 0;
  virtual Result<Record> Get(const ObjectKey& key) = 0;
  // The same of any moment from that revision on, as in a ListQuery.
  virtual Result<Record> GetNotOlder(const ObjectKey& key, Revision /*than*/) { return Get(key); }
  virtual Result<Page> List(const ListQuery& query) = 0;
  // The head of the log: everything committed before the call is at or below it.
  virtual Result<Revision> Head() = 0;
  // Whether the head of the log is that far.
  virtual Result<bool> Reached(Revision revision) {
    const auto head = Head();
    if (!head.ok()) return head.error();
    return *head >= revision;
  }
  // All events after `from`, each exactly once, in order, until the returned object is destroyed (no call comes
  // after that). kExpired when `from` is compacted.
  virtual Result<std::shared_ptr<void>> Watch(const WatchQuery& query, Revision from,
                                              std::shared_ptr<WatchSink> sink) = 0;
  // Newest first; also of deleted objects.
  virtual Result<std::vector<HistoryEntry>> History(const HistoryQuery& query) = 0;
  // Forgets events at and below `upto`: watches and pages from there get kExpired. History stays.
  virtual Status Compact(Revision upto) = 0;
};

}  // namespace asya::ports
