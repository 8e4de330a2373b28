#include "storage/postgres/bump_revision.h"

#include "storage/revision_bump.h"

namespace asya::storage::postgres {

using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

Result<ports::Revision> BumpRevision(sql::postgres::Database& database) {
  ports::Revision head;
  const auto bump = [&](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows,
             transaction.Execute("UPDATE watermark SET head = head + $1, compacted = head + $1 RETURNING head",
                                 Parameters().Add(kRevisionBump)));
    if (rows.empty()) return Fail(ErrorCode::kInternal, "the watermark of the store is missing");
    head = ports::Revision(rows.Int(0, 0));
    return Ok();
  };
  ASYA_TRY_STATUS(database.Write(bump));
  return head;
}

}  // namespace asya::storage::postgres
