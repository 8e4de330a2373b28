// Rows: how records and times lie in the tables.
#pragma once

#include "core/base/clock.h"
#include "core/sql/sqlite/database.h"
#include "ports/object_store.h"

namespace asya::storage::sqlite {

// A record from six columns that start at `first`: namespace, name, uid, revision, labels, json.
ports::Record ReadRecord(const sql::sqlite::Statement& row, int first, const std::string& resource);

// Times are microseconds since the epoch.
inline std::int64_t ToMicroseconds(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime FromMicroseconds(std::int64_t microseconds) {
  return WallTime(std::chrono::microseconds(microseconds));
}

struct Watermark {
  ports::Revision head;
  ports::Revision compacted;
};
Result<Watermark> ReadWatermark(sql::sqlite::Transaction& transaction);

}  // namespace asya::storage::sqlite
