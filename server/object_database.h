// ObjectDatabase: where `asya-server api` keeps objects, and nothing else: PostgreSQL, which several servers may share,
// or a SQLite file of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/object_store.h"
#include "storage/history_retention.h"

namespace asya::server {

class ObjectDatabase {
 public:
  // All of these live longer.
  struct Parts {
    const Clock& clock;
    observe::Metrics& metrics;
    observe::Logger logger;
    storage::HistoryRetention history;  // what DropOldHistory leaves
  };
  // Opens what is missing; an error says what a person can do. `url` is libpq's and may hold a password.
  static Result<std::unique_ptr<ObjectDatabase>> OpenPostgreSql(const std::string& url, const Parts& parts);
  // kConflict where another process has the file.
  static Result<std::unique_ptr<ObjectDatabase>> OpenSqlite(const std::string& file, const Parts& parts);

  virtual ~ObjectDatabase() = default;
  virtual ports::ObjectStore& objects() = 0;
  // By which this database is known from any other one; asked of it at each call.
  virtual Result<std::string> InstallationId() = 0;
  // Forget, about once a minute and by any of the servers, what is kept no longer.
  virtual Status CompactOld() = 0;
  virtual Result<std::int64_t> DropOldHistory() = 0;
  // Finishes what waits. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace asya::server
