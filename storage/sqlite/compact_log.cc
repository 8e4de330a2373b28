#include <algorithm>

#include "storage/sqlite/object_store.h"
#include "storage/sqlite/rows.h"

namespace asya::storage::sqlite {

using ports::Revision;
using sql::sqlite::Transaction;

namespace {

// Rows in one transaction, so that other writes wait for one batch at most.
constexpr std::int64_t kCompactionBatchEvents = 1000;

Status DropBatch(Transaction& transaction, Revision upto, std::int64_t& dropped) {
  ASYA_TRY(auto* const drop,
           transaction.Prepare("DELETE FROM events WHERE revision IN "
                               "(SELECT revision FROM events WHERE revision <= ?1 ORDER BY revision LIMIT ?2)"));
  ASYA_TRY_STATUS(drop->Bind(1, upto.get()).Bind(2, kCompactionBatchEvents).Run());
  dropped = transaction.Changes();
  return Ok();
}

}  // namespace

Status ObjectStore::Compact(Revision upto) {
  Watermark watermark;
  // The mark moves before the rows go, so that no reader takes a log with holes for a whole one.
  const auto move_mark = [&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const mark, transaction.Prepare("UPDATE watermark SET compacted = max(compacted, min(?1, head))"));
    ASYA_TRY_STATUS(mark->Bind(1, upto.get()).Run());
    ASYA_TRY(watermark, ReadWatermark(transaction));
    return Ok();
  };
  ASYA_TRY_STATUS(database_.Write(move_mark));
  compacted_ = std::max(compacted_.load(), watermark.compacted.get());
  std::int64_t dropped = kCompactionBatchEvents;
  while (dropped == kCompactionBatchEvents) {
    ASYA_TRY_STATUS(database_.Write(
        [&](Transaction& transaction) { return DropBatch(transaction, watermark.compacted, dropped); }));
  }
  return Ok();
}

Status ObjectStore::CompactOld() {
  Revision upto;
  const WallTime oldest_kept = clock_.Now() - settings_.event_age_kept_min;
  ASYA_TRY_STATUS(database_.Read([&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row, transaction.Prepare("SELECT min(head - ?1, coalesce((SELECT max(revision) FROM events "
                                                  "WHERE at < ?2 AND revision <= head - ?1), 0)) FROM watermark"));
    row->Bind(1, settings_.events_kept_min).Bind(2, ToMicroseconds(oldest_kept));
    ASYA_TRY(const bool found, row->Step());
    if (found) upto = Revision(row->Int(0));
    return Ok();
  }));
  if (upto.get() <= compacted_.load()) return Ok();
  return Compact(upto);
}

}  // namespace asya::storage::sqlite
