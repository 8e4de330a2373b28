// memory::ObjectStore: the object store in the memory of one process, for tests and the simulator; nothing survives it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "ports/object_store.h"
#include "storage/broadcaster.h"

namespace asya::storage::memory {

class ObjectStore final : public ports::ObjectStore {
 public:
  explicit ObjectStore(const Clock& clock, const BroadcasterSettings& settings = {});
  ~ObjectStore() override;

  // Watches are served between Start and Stop; everything else works at any time.
  void Start();
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

 private:
  using Objects = std::map<ports::ObjectKey, ports::Record>;
  struct LogEntry {
    ports::Event event;
    std::optional<ports::Record> before;
  };

  Result<Objects::iterator> Find(const ports::ObjectKey& key, const ports::Precondition& precondition);
  void Commit(ports::Event::Type type, ports::Record& record, std::optional<ports::Record> before,
              const ports::Author& author);
  [[nodiscard]] Objects At(const std::string& resource, ports::Revision revision) const;
  [[nodiscard]] Result<LogPage> ReadLog(const ports::WatchQuery& query, ports::Revision from,
                                        const BatchLimits& limits) const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  Objects objects_;
  std::deque<LogEntry> log_;
  std::vector<ports::HistoryEntry> history_;  // oldest first
  ports::Revision head_{1};                   // clients refuse a revision of 0
  ports::Revision compacted_{1};
  Broadcaster broadcaster_;
};

}  // namespace asya::storage::memory
