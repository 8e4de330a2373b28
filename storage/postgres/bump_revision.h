// BumpRevision: after a backup was brought back, revisions go on beyond all that clients have seen of what it lost.
#pragma once

#include "core/base/result.h"
#include "core/sql/postgres/database.h"
#include "ports/object_store.h"

namespace asya::storage::postgres {

// Raises the head of the log by kRevisionBump and compacts it up to there: a watch or a page of before gets kExpired,
// and its client lists anew (etcdutl: --bump-revision, --mark-compacted). Objects and their history stay. The new head.
Result<ports::Revision> BumpRevision(sql::postgres::Database& database);

}  // namespace asya::storage::postgres
