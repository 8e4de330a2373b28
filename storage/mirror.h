// Mirror: every object of a store in memory, as of one revision of its log; a read waits until that is its own. Lists
// that are read by pages find their later ones here too.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "ports/object_store.h"

namespace asya::storage {

// Thread safe. Empty-handed until Fill, and again after Forget: then its owner reads from the database.
class Mirror {
 public:
  // Objects of more bytes than that together are not kept: it is empty-handed until they come to half of it or less.
  explicit Mirror(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // All objects as of `at`; events at or below it are ignored from then on.
  void Fill(std::vector<ports::Record> records, ports::Revision at);
  // The next events of the log, in order; nothing else lies up to `upto`.
  void Apply(std::span<const ports::Event> events, ports::Revision upto);
  // Events were missed.
  void Forget();
  // Whether a Fill would be of use.
  [[nodiscard]] bool Wanted() const;

  // Blocks until it shows at least `revision`; false when it cannot, or not within `patience`.
  [[nodiscard]] bool Reach(ports::Revision revision, std::chrono::milliseconds patience);
  // What there is now; nullopt: ask the database. kNotFound is certain as of the revision that was reached.
  [[nodiscard]] std::optional<Result<ports::Record>> Get(const ports::ObjectKey& key) const;
  // The page's revision is the mirror's. With `at`: a later page of a list that began here not long ago.
  [[nodiscard]] std::optional<ports::Page> List(const ports::ListQuery& query) const;
  // Later pages of lists from before that revision are not to be had any more.
  void Compact(ports::Revision upto);

 private:
  using Place = std::pair<std::string, std::string>;  // namespace, name
  using Objects = std::map<Place, std::shared_ptr<const ports::Record>, std::less<>>;
  using Records = std::vector<std::shared_ptr<const ports::Record>>;
  // What a list ranged over when its first page was read.
  struct Snapshot {
    std::string resource;
    std::optional<std::string> namespace_;
    ports::Revision revision;
    std::shared_ptr<const Records> records;
    std::size_t bytes = 0;  // of the records, which it may be the last to hold
  };
  static constexpr std::size_t kSnapshotsMax = 8;  // of bytes_max_ together; the oldest goes

  void Put(const ports::Record& record);
  // What becomes of the bytes while there is no room.
  void Count(const ports::Event& event);
  void Remove(const ports::ObjectKey& key);
  void Clear();
  // Lets go of the objects, and keeps count of their bytes.
  void Drop();
  [[nodiscard]] std::shared_ptr<const Records> FindSnapshot(const ports::ListQuery& query) const;
  void KeepSnapshot(const ports::ListQuery& query, Objects::const_iterator first, Objects::const_iterator last) const;
  // [first, last) of what the query ranges over.
  static std::pair<Objects::const_iterator, Objects::const_iterator> Range(const Objects& objects,
                                                                           const ports::ListQuery& query);

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  std::map<std::string, Objects, std::less<>> resources_;
  std::size_t bytes_ = 0;  // while there is no room: of what would be kept
  ports::Revision revision_;
  mutable std::deque<Snapshot> snapshots_;  // the youngest first
  bool filled_ = false;
  bool too_large_ = false;
};

}  // namespace asya::storage
