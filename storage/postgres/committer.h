// Committer: writes that wait together are one transaction, so that one wait for the disk serves them all.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/postgres/change.h"
#include "storage/postgres/commit_metrics.h"

namespace asya::storage::postgres {

class Committer {
 public:
  static constexpr std::size_t kWaitingMax = 4096;  // changes
  static constexpr std::size_t kBatchMax = 128;     // changes in one transaction

  // `origin` tells what was seen by now; `committed` is called after each transaction that is durable, before its
  // callers are answered; with nothing where the outcome is an error. `metrics` may be null, and lives longer.
  Committer(const Clock& clock, std::function<Origin()> origin, std::function<void(const Committed&)> committed,
            observe::Metrics* metrics = nullptr);
  ~Committer();
  // A database of its own, of one connection with fixed plans.
  void Start(std::unique_ptr<sql::postgres::Database> database);
  // Finishes what waits. Idempotent.
  void Stop();
  // kTooMany; kUnavailable after Stop. The change's promise is kept in every other case.
  Status Submit(ChangePointer change);

 private:
  void Work();
  // The changes that wait in front, of distinct keys: two of one key need two revisions of it.
  std::vector<ChangePointer> TakeBatch();
  void Commit(const std::vector<ChangePointer>& batch);

  std::unique_ptr<sql::postgres::Database> database_;
  const Clock& clock_;
  const std::function<Origin()> origin_;
  const std::function<void(const Committed&)> committed_;
  const CommitMetrics metrics_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ChangePointer> waiting_;
  bool running_ = false;
  std::thread thread_;
};

}  // namespace asya::storage::postgres
