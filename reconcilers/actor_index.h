// ActorIndex: which actors there are and what they refer to, so that a change elsewhere finds the actors it concerns.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/json/value.h"
#include "reconcilers/work_queue.h"

namespace asya::reconcilers {

// Thread safe. Fed by the watch; may be behind the store, never for long.
class ActorIndex {
 public:
  enum class Change { kNone, kNew, kOther };
  struct Owner {
    Key key;
    bool deleting = false;  // its finalizers hold it: it works off its queue and takes nothing new
  };
  // kNone: nothing but the status (or bookkeeping) differs from what was put last.
  Change Put(const Key& key, const std::string& uid, const json::Value& actor);
  // False when it was not there.
  bool Remove(const Key& key);
  // After a list was put: forgets all that are not in `present`; returns them.
  std::vector<Key> Retain(const std::set<Key>& present);

  // A list has been taken in: until then an actor that is missing here may be there.
  [[nodiscard]] bool Complete() const;
  [[nodiscard]] std::vector<Key> All() const;
  [[nodiscard]] std::optional<Key> ByUid(const std::string& uid) const;
  // The actor that came first, should two claim one queue.
  [[nodiscard]] std::optional<Owner> ByQueue(const std::string& queue) const;
  [[nodiscard]] std::vector<Key> WithFlavor(const std::string& flavor) const;
  // Those that name it, and those that name none.
  [[nodiscard]] std::vector<Key> WithTransport(const std::string& transport) const;
  // Whether an actor of the namespace is known by this name in routes. No proof that there is none.
  [[nodiscard]] bool HasIdentity(const std::string& namespace_, const std::string& identity) const;
  // Those of the namespace that go by this name in routes.
  [[nodiscard]] std::vector<Key> WithIdentity(const std::string& namespace_, const std::string& identity) const;
  // Whether somebody's own actor, beside the system's, is in the namespace. No proof that there is none.
  [[nodiscard]] bool HasUserActor(const std::string& namespace_) const;
  // The transport that all of somebody's own actors in the namespace name; nullopt if one names none or another.
  [[nodiscard]] std::optional<std::string> CommonTransport(const std::string& namespace_) const;
  // Name of each actor's queue.
  [[nodiscard]] std::vector<std::pair<std::string, Key>> Queues() const;

 private:
  struct Entry {
    std::string uid;
    std::string queue;
    bool deleting = false;
    std::string transport;
    std::set<std::string> flavors;
    std::string identity;
    bool is_system = false;
    std::size_t meaning = 0;  // hash of the object without its status
  };
  struct Namespace {
    std::map<std::string, std::size_t> transports;  // what people's own actors name (empty: none) -> how many do
    std::multiset<std::string, std::less<>> identities;
  };
  static Entry EntryOf(const std::string& uid, const json::Value& actor);
  void ForgetLocked(const Key& key);
  void ForgetPlaceLocked(const Key& key, const Entry& entry);
  void ForgetQueueLocked(const std::string& queue, const Key& key);

  mutable std::mutex mutex_;
  bool complete_ = false;
  std::map<Key, Entry> entries_;
  std::map<std::string, Key, std::less<>> by_uid_;
  std::multimap<std::string, Key, std::less<>> by_queue_;  // of one queue in the order in which they came
  std::map<std::string, Namespace, std::less<>> namespaces_;
};

}  // namespace asya::reconcilers
