// LogReader: follows the log of all processes and gives each new event to the broadcaster.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/sql/postgres/database.h"
#include "storage/broadcaster.h"
#include "storage/postgres/rows.h"

namespace asya::storage::postgres {

// Reads at most `limit` events of a watch after `from`, in one snapshot.
Result<LogPage> ReadLog(sql::postgres::Database& database, const ports::WatchQuery& query, ports::Revision from,
                        std::size_t limit);

class LogReader {
 public:
  static constexpr std::int64_t kBatchEvents = 500;  // in one read

  LogReader(sql::postgres::Database& database, Broadcaster& broadcaster)
      : database_(database), broadcaster_(broadcaster) {}
  ~LogReader() { Stop(); }

  void Start();
  void Stop();
  // There may be something new. Never blocks; safe from any thread.
  void Wake();

 private:
  void Work();
  // True: there is more.
  Result<bool> ReadOnce();

  sql::postgres::Database& database_;
  Broadcaster& broadcaster_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool running_ = false;
  std::thread thread_;
};

}  // namespace asya::storage::postgres
