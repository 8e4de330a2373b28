#include "storage/sqlite/bump_revision.h"

#include "storage/revision_bump.h"
#include "storage/sqlite/rows.h"

namespace asya::storage::sqlite {

using sql::sqlite::Transaction;

Result<ports::Revision> BumpRevision(sql::sqlite::Database& database) {
  ports::Revision head;
  const auto bump = [&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const update, transaction.Prepare("UPDATE watermark SET head = head + ?1, compacted = head + ?1"));
    ASYA_TRY_STATUS(update->Bind(1, kRevisionBump).Run());
    ASYA_TRY(const Watermark watermark, ReadWatermark(transaction));
    head = watermark.head;
    return Ok();
  };
  ASYA_TRY_STATUS(database.Write(bump));
  return head;
}

}  // namespace asya::storage::sqlite
