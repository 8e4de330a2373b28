// Committer: writes that wait together are one transaction, so that one wait for the disk serves them all.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/postgres/change.h"

namespace asya::storage::postgres {

class Committer {
 public:
  static constexpr std::size_t kWaitingMax = 4096;  // changes
  static constexpr std::size_t kBatchMax = 128;     // changes in one transaction

  // `seen` tells the highest revision that anybody has seen; `committed` is called after each transaction that is
  // durable, before its callers are answered.
  Committer(sql::postgres::Database& database, const Clock& clock, std::function<ports::Revision()> seen,
            std::function<void(const Committed&)> committed);
  ~Committer();
  void Start();
  // Finishes what waits. Idempotent.
  void Stop();
  // kTooMany; kUnavailable after Stop. The change's promise is kept in every other case.
  Status Submit(ChangePointer change);

 private:
  void Work();
  // The changes that wait in front, of distinct keys: two of one key need two revisions of it.
  std::vector<ChangePointer> TakeBatch();
  void Commit(const std::vector<ChangePointer>& batch);

  sql::postgres::Database& database_;
  const Clock& clock_;
  const std::function<ports::Revision()> seen_;
  const std::function<void(const Committed&)> committed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ChangePointer> waiting_;
  bool running_ = false;
  std::thread thread_;
};

}  // namespace asya::storage::postgres
