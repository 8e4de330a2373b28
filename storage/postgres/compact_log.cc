#include <algorithm>

#include "storage/postgres/object_store.h"
#include "storage/postgres/rows.h"

namespace asya::storage::postgres {

using ports::Revision;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

namespace {

constexpr std::int64_t kCompactionBatchEvents = 1000;  // in one transaction

}  // namespace

Status ObjectStore::Compact(Revision upto) {
  Revision compacted;
  // The mark moves before the rows go, so that no reader takes a log with holes for a whole one.
  const auto move_mark = [&](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows,
             transaction.Execute("UPDATE watermark SET compacted = greatest(compacted, least($1, head)) "
                                 "RETURNING compacted",
                                 Parameters().Add(upto.get())));
    if (rows.empty()) return Fail(ErrorCode::kInternal, "the watermark of the store is missing");
    compacted = Revision(rows.Int(0, 0));
    return Ok();
  };
  ASYA_TRY_STATUS(database_.Write(move_mark));
  mirror_.Compact(compacted);
  std::int64_t dropped = kCompactionBatchEvents;
  const auto drop_batch = [&](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows,
             transaction.Execute("DELETE FROM events WHERE revision IN "
                                 "(SELECT revision FROM events WHERE revision <= $1 ORDER BY revision LIMIT $2)",
                                 Parameters().Add(compacted.get()).Add(kCompactionBatchEvents)));
    dropped = rows.affected();
    return Ok();
  };
  while (dropped == kCompactionBatchEvents) ASYA_TRY_STATUS(database_.Write(drop_batch));
  return Ok();
}

Status ObjectStore::CompactOld() {
  Revision upto;
  Revision compacted;
  const WallTime oldest_kept = clock_.Now() - settings_.event_age_kept_min;
  const auto find = [&](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows,
             transaction.Execute("SELECT least(head - $1, coalesce((SELECT max(revision) FROM events "
                                 "WHERE at < $2 AND revision <= head - $1), 0)), compacted FROM watermark",
                                 Parameters().Add(settings_.events_kept_min).Add(ToMicroseconds(oldest_kept))));
    if (rows.empty()) return Ok();
    upto = Revision(rows.Int(0, 0));
    compacted = Revision(rows.Int(0, 1));
    return Ok();
  };
  ASYA_TRY_STATUS(database_.Read(find));
  mirror_.Compact(compacted);  // another server may have moved the mark
  if (upto <= compacted) return Ok();
  return Compact(upto);
}

}  // namespace asya::storage::postgres
