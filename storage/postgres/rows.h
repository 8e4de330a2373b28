// Rows: how records and times lie in the tables.
#pragma once

#include "core/base/clock.h"
#include "core/sql/postgres/database.h"
#include "ports/object_store.h"

namespace asya::storage::postgres {

// A record from six columns that start at `first`: namespace, name, uid, revision, labels, json.
ports::Record ReadRecord(const sql::postgres::Rows& rows, std::size_t row, int first, const std::string& resource);

// Times are microseconds since the epoch.
inline std::int64_t ToMicroseconds(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime FromMicroseconds(std::int64_t microseconds) {
  return WallTime(std::chrono::microseconds(microseconds));
}

struct Watermark {
  ports::Revision head;
  ports::Revision compacted;
};
// From rows that begin with its two columns.
Result<Watermark> ToWatermark(const sql::postgres::Rows& rows);
Result<Watermark> ReadWatermark(sql::postgres::Transaction& transaction);
Result<Watermark> ReadWatermark(sql::postgres::Database& database);

}  // namespace asya::storage::postgres
