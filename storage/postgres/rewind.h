// Rewind: the database shows an earlier past than this process has seen of it, as when a standby is promoted that had
// not got the last commits. What was lost clients have seen, with revisions that the store would give out again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "storage/postgres/rows.h"

namespace asya::storage::postgres {

// What this process has seen of the log.
struct Seen {
  ports::Revision head;   // everything that anybody here was told is at or below it
  ports::Revision event;  // of the last event that was published; 0: not known
  std::int64_t at = 0;    // the time of that event, in microseconds: an event of another past has another one
  std::string server;     // the run of PostgreSQL that was found to have all that; no other past comes within one
};

struct LogState {
  Watermark watermark;
  std::int64_t at =
      0;  // the time of the event at `seen.event` or, where none is known, at `position`; 0: there is none
  std::string server;
};
Result<LogState> ReadLogState(sql::postgres::Transaction& transaction, const Seen& seen, ports::Revision position);

// Whether what was seen is not in the log any more; `state` was read later.
bool IsRewound(const Seen& seen, const LogState& state);

// The run of the server that answers, in a list of columns.
#define ASYA_SERVER_RUN "pg_postmaster_start_time()::text"

// Raises the head above all that was seen, and compacts the log up to there, as BumpRevision does: so every process
// ends its watches and reads anew. nullopt: another one has done it already.
Result<std::optional<ports::Revision>> RaiseAbove(sql::postgres::Database& database, const Seen& seen);

}  // namespace asya::storage::postgres
