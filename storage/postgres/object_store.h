// postgres::ObjectStore: the object store in one PostgreSQL database that several processes share.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "core/sql/postgres/database.h"
#include "core/sql/postgres/listener.h"
#include "ports/object_store.h"
#include "storage/broadcaster.h"
#include "storage/history_retention.h"
#include "storage/mirror.h"
#include "storage/postgres/committer.h"
#include "storage/postgres/log_reader.h"
#include "storage/postgres/shared_head.h"

namespace asya::storage::postgres {

struct ObjectStoreSettings {
  BroadcasterSettings broadcaster;
  std::chrono::milliseconds write_timeout{20'000};  // a write that takes longer gives kTimeout; its outcome is unknown
  // What CompactOld leaves: both the youngest events by count and those younger than the age.
  std::int64_t events_kept_min = 1000;
  std::chrono::microseconds event_age_kept_min = std::chrono::minutes(5);
  HistoryRetention history;  // what DropOldHistory leaves
  // Reads are answered from memory, as of now, as long as all objects take no more than this; else by the database.
  std::size_t mirror_bytes_max = 256U << 20U;
  observe::Logger logger = observe::Logger::Silent();
  observe::Metrics* metrics = nullptr;
};

class ObjectStore final : public ports::ObjectStore {
 public:
  // The database has been opened with Migrations(). It must outlive this.
  ObjectStore(sql::postgres::Database& database, const Clock& clock, const ObjectStoreSettings& settings = {});
  ~ObjectStore() override;

  // Fails when the database cannot be read.
  Status Start();
  void Stop();

  Result<ports::Record> Create(ports::Record record, const ports::Author& author) override;
  Result<ports::Record> Update(ports::Record record, const ports::Precondition& precondition,
                               const ports::Author& author) override;
  Result<ports::Record> Delete(const ports::ObjectKey& key, const ports::Precondition& precondition,
                               const ports::Author& author) override;
  Result<ports::Record> Get(const ports::ObjectKey& key) override;
  Result<ports::Record> GetNotOlder(const ports::ObjectKey& key, ports::Revision than) override;
  Result<ports::Page> List(const ports::ListQuery& query) override;
  Result<ports::Revision> Head() override;
  Result<bool> Reached(ports::Revision revision) override;
  Result<std::shared_ptr<void>> Watch(const ports::WatchQuery& query, ports::Revision from,
                                      std::shared_ptr<ports::WatchSink> sink) override;
  Result<std::vector<ports::HistoryEntry>> History(const ports::HistoryQuery& query) override;
  Status Compact(ports::Revision upto) override;

  // Compacts what the settings do not keep; to be called about once a minute by any of the processes.
  Status CompactOld();
  // Drops the history that the settings do not keep; as often. Returns how many entries.
  Result<std::int64_t> DropOldHistory();

 private:
  Result<ports::Record> Commit(ChangePointer change);
  Result<ports::Record> Read(const ports::ObjectKey& key, std::optional<ports::Revision> not_older_than);
  // The head of the log as of now. kUnavailable where it is behind what was seen.
  Result<ports::Revision> ReadHead();
  // Whether the mirror shows that revision or, without one, everything that was committed before the call.
  Result<bool> MirrorShows(std::optional<ports::Revision> not_older_than);

  sql::postgres::Database& database_;
  const Clock& clock_;
  const ObjectStoreSettings settings_;
  Broadcaster broadcaster_;
  Mirror mirror_;
  SharedHead shared_head_;
  LogReader log_reader_;
  const std::string name_;  // among the processes that share the database
  Committer committer_;
  sql::postgres::Listener listener_;
};

}  // namespace asya::storage::postgres
