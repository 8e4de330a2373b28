// LogReader: follows the log of all processes and gives each new event to the broadcaster and to the mirror.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/sql/postgres/database.h"
#include "storage/broadcaster.h"
#include "storage/mirror.h"
#include "storage/postgres/change.h"
#include "storage/postgres/rows.h"

namespace asya::storage::postgres {

// Reads at most `limit` events of a watch after `from`, in one snapshot.
Result<LogPage> ReadLog(sql::postgres::Database& database, const ports::WatchQuery& query, ports::Revision from,
                        std::size_t limit);

class LogReader {
 public:
  static constexpr std::int64_t kBatchEvents = 500;  // in one read

  LogReader(sql::postgres::Database& database, Broadcaster& broadcaster, Mirror& mirror)
      : database_(database), broadcaster_(broadcaster), mirror_(mirror) {}
  ~LogReader() { Stop(); }

  // The broadcaster has been started at `head`.
  void Start(ports::Revision head);
  void Stop();
  // What this process itself has committed: where nothing else lies before it, it need not be read.
  void Feed(const Committed& committed);
  // There may be something new. Never blocks; safe from any thread.
  void Wake();

 private:
  void Work();
  // True: there is more.
  Result<bool> ReadOnce();
  Status FillMirror();
  // With feed_mutex_ held.
  void Publish(const std::vector<ports::Event>& events, ports::Revision upto);

  sql::postgres::Database& database_;
  Broadcaster& broadcaster_;
  Mirror& mirror_;
  std::mutex feed_mutex_;
  ports::Revision position_;  // everything up to here was published
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool running_ = false;
  std::thread thread_;
};

}  // namespace asya::storage::postgres
