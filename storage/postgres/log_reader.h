// LogReader: follows the log of all processes and gives each new event to the broadcaster and to the mirror. Where the
// log goes back behind what was seen of it, everything begins anew above that.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "core/sql/postgres/database.h"
#include "storage/broadcaster.h"
#include "storage/mirror.h"
#include "storage/postgres/change.h"
#include "storage/postgres/rewind.h"
#include "storage/postgres/rows.h"

namespace asya::storage::postgres {

// Reads the events of a watch after `from`, up to the limits, in one snapshot.
Result<LogPage> ReadLog(sql::postgres::Database& database, const ports::WatchQuery& query, ports::Revision from,
                        const BatchLimits& limits);

class LogReader {
 public:
  static constexpr std::int64_t kBatchEvents = 500;     // in one read
  static constexpr std::int64_t kBatchBytes = 4 << 20;  // likewise; the last event may go beyond

  LogReader(sql::postgres::Database& database, Broadcaster& broadcaster, Mirror& mirror, observe::Logger logger,
            observe::Metrics* metrics);
  ~LogReader() { Stop(); }

  // The broadcaster has been started at `head`.
  void Start(ports::Revision head);
  void Stop();
  // What this process itself has committed: where nothing else lies before it, it need not be read.
  void Feed(const Committed& committed);
  // There may be something new. Never blocks; safe from any thread.
  void Wake();
  // The highest revision that anybody was told.
  [[nodiscard]] ports::Revision SeenHead();
  // What the database said after SeenHead() was `seen`. kUnavailable: it is behind that, and is seen to.
  Status Saw(ports::Revision head, ports::Revision seen);

 private:
  void Work();
  // True: there is more.
  Result<bool> ReadOnce();
  Status FillMirror();
  // What was seen is gone: true when the log is to be read again.
  Result<bool> Raise(const Seen& seen);
  void TellDamaged(const ports::Record& record) const;
  void TellRewound(ports::Revision seen, ports::Revision raised) const;
  // With feed_mutex_ held; `at`: the time of the last event.
  void Publish(const std::vector<ports::Event>& events, ports::Revision upto, std::int64_t at);

  sql::postgres::Database& database_;
  Broadcaster& broadcaster_;
  Mirror& mirror_;
  const observe::Logger logger_;
  std::optional<observe::Counter> rewinds_;
  std::mutex feed_mutex_;
  ports::Revision position_;  // everything up to here was published
  Seen seen_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool running_ = false;
  std::thread thread_;
};

}  // namespace asya::storage::postgres
