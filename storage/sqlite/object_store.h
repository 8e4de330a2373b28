// sqlite::ObjectStore: the object store in one SQLite file that this process owns.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/sql/sqlite/database.h"
#include "ports/object_store.h"
#include "storage/broadcaster.h"
#include "storage/history_retention.h"

namespace asya::storage::sqlite {

struct ObjectStoreSettings {
  BroadcasterSettings broadcaster;
  std::chrono::milliseconds write_timeout{
      10'000};  // a write that takes longer gives kTimeout; its outcome is then unknown
  // What CompactOld leaves: both the youngest events by count and those younger than the age.
  std::int64_t events_kept_min = 1000;
  std::chrono::microseconds event_age_kept_min = std::chrono::minutes(5);
  HistoryRetention history;  // what DropOldHistory leaves
};

// Revisions are given out on the database's one writer thread, so their order is the order of commits. Bodies are never
// cached beyond the bounded tail of the broadcaster.
class ObjectStore final : public ports::ObjectStore {
 public:
  // The database has been opened with Migrations(). It must outlive Stop().
  ObjectStore(sql::sqlite::Database& database, const Clock& clock, const ObjectStoreSettings& settings = {});
  ~ObjectStore() override;

  // Before the first write. Fails when the database cannot be read.
  Status Start();
  void Stop();

  Result<ports::Record> Create(ports::Record record, const ports::Author& author) override;
  Result<ports::Record> Update(ports::Record record, const ports::Precondition& precondition,
                               const ports::Author& author) override;
  Result<ports::Record> Delete(const ports::ObjectKey& key, const ports::Precondition& precondition,
                               const ports::Author& author) override;
  Result<ports::Record> Get(const ports::ObjectKey& key) override;
  Result<ports::Page> List(const ports::ListQuery& query) override;
  Result<ports::Revision> Head() override;
  Result<std::shared_ptr<void>> Watch(const ports::WatchQuery& query, ports::Revision from,
                                      std::shared_ptr<ports::WatchSink> sink) override;
  Result<std::vector<ports::HistoryEntry>> History(const ports::HistoryQuery& query) override;
  Status Compact(ports::Revision upto) override;

  // Compacts what the settings do not keep; to be called about once a minute.
  Status CompactOld();
  // Drops the history that the settings do not keep; as often. Returns how many entries.
  Result<std::int64_t> DropOldHistory();

 private:
  struct Change;
  // Waits until the change is durable; its event is with the broadcaster before the caller is answered.
  Result<ports::Record> Commit(std::shared_ptr<Change> change);
  static Status Apply(sql::sqlite::Transaction& transaction, Change& change);
  Result<LogPage> ReadLog(const ports::WatchQuery& query, ports::Revision from, const BatchLimits& limits);

  sql::sqlite::Database& database_;
  const Clock& clock_;
  const ObjectStoreSettings settings_;
  std::atomic<std::int64_t> compacted_{0};
  std::shared_ptr<Broadcaster> broadcaster_;  // shared with writes that nobody waits for any more
};

}  // namespace asya::storage::sqlite
