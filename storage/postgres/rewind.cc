#include "storage/postgres/rewind.h"

#include "storage/revision_bump.h"

namespace asya::storage::postgres {

using ports::Revision;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

Result<LogState> ReadLogState(Transaction& transaction, const Seen& seen, Revision position) {
  ASYA_TRY(const Rows rows, transaction.Execute("SELECT head, compacted, " ASYA_SERVER_RUN " FROM watermark"));
  ASYA_TRY(const Watermark watermark, ToWatermark(rows));
  LogState state{watermark, seen.at, rows.Text(0, 2)};
  if (state.server == seen.server) return state;
  const Revision asked = seen.event.get() > 0 ? seen.event : position;
  ASYA_TRY(const Rows event,
           transaction.Execute("SELECT at FROM events WHERE revision = $1", Parameters().Add(asked.get())));
  state.at = event.empty() ? 0 : event.Int(0, 0);
  return state;
}

bool IsRewound(const Seen& seen, const LogState& state) {
  if (state.watermark.head < seen.head) return true;
  return seen.event > state.watermark.compacted && seen.at != state.at;
}

Result<std::optional<Revision>> RaiseAbove(sql::postgres::Database& database, const Seen& seen) {
  std::optional<Revision> raised;
  // Looks again for itself: the row of the watermark is locked by then, and whoever was quicker has raised it.
  const auto raise = [&](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows,
             transaction.Execute(
                 "UPDATE watermark SET head = greatest(head, $1) + $4, compacted = greatest(head, $1) + $4 "
                 "WHERE head < $1 OR (compacted < $2 AND NOT EXISTS "
                 "(SELECT FROM events WHERE revision = $2 AND at = $3)) RETURNING head, pg_notify('asya_objects', '')",
                 Parameters().Add(seen.head.get()).Add(seen.event.get()).Add(seen.at).Add(kRevisionBump)));
    raised.reset();
    if (!rows.empty()) raised = Revision(rows.Int(0, 0));
    return Ok();
  };
  ASYA_TRY_STATUS(database.Write(raise));
  return raised;
}

}  // namespace asya::storage::postgres
