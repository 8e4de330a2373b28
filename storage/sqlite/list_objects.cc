#include <utility>

#include "storage/preconditions.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/rows.h"

namespace asya::storage::sqlite {

using ports::ListQuery;
using ports::Page;
using ports::Record;
using ports::Revision;
using sql::sqlite::Statement;
using sql::sqlite::Transaction;

namespace {

// Parameters: 1 resource, 2 namespace, 3 and 4 the key to continue after, 5 name, 6 revision.
#define ASYA_ONE_NAMESPACE " AND namespace = ?2"
#define ASYA_PLACE " AND (namespace, name) > (?3, ?4) AND (?5 IS NULL OR name = ?5)"
#define ASYA_CURRENT "SELECT namespace, name, uid, revision, labels, json FROM objects WHERE resource = ?1"
// Of each key that has changed since, the one event that replaced the state of that revision still holds it.
#define ASYA_REPLACED                                                                                         \
  "SELECT namespace, name, uid, previous_revision AS revision, coalesce(previous_labels, labels) AS labels, " \
  "coalesce(previous_json, json) AS json FROM events "                                                        \
  "WHERE events.revision > ?6 AND previous_revision <= ?6 AND resource = ?1"
#define ASYA_ORDER " ORDER BY namespace, name"

constexpr const char* kListAll = ASYA_CURRENT ASYA_PLACE ASYA_ORDER;
constexpr const char* kListOne = ASYA_CURRENT ASYA_ONE_NAMESPACE ASYA_PLACE ASYA_ORDER;
constexpr const char* kListAllAt =
    ASYA_CURRENT ASYA_PLACE " AND revision <= ?6 UNION ALL " ASYA_REPLACED ASYA_PLACE ASYA_ORDER;
constexpr const char* kListOneAt = ASYA_CURRENT ASYA_ONE_NAMESPACE ASYA_PLACE
    " AND revision <= ?6 UNION ALL " ASYA_REPLACED ASYA_ONE_NAMESPACE ASYA_PLACE ASYA_ORDER;

constexpr const char* kCount =
    "SELECT (SELECT count(*) FROM objects WHERE resource = ?1 AND (?2 IS NULL OR namespace = ?2)" ASYA_PLACE
    " AND revision <= ?6) + "
    "(SELECT count(*) FROM events WHERE revision > ?6 AND previous_revision <= ?6 AND resource = ?1"
    " AND (?2 IS NULL OR namespace = ?2)" ASYA_PLACE ")";

#undef ASYA_ONE_NAMESPACE
#undef ASYA_PLACE
#undef ASYA_CURRENT
#undef ASYA_REPLACED
#undef ASYA_ORDER

void Bind(Statement& statement, const ListQuery& query, const std::optional<ports::ObjectKey>& after, Revision at,
          bool with_revision) {
  statement.Bind(1, query.resource);
  if (query.namespace_) statement.Bind(2, *query.namespace_);
  statement.Bind(3, after ? after->namespace_ : std::string());
  statement.Bind(4, after ? after->name : std::string());
  if (query.selector.name) statement.Bind(5, *query.selector.name);
  if (with_revision) statement.Bind(6, at.get());
}

Result<std::int64_t> CountAfter(Transaction& transaction, const ListQuery& query, const Page& page) {
  ASYA_TRY(auto* const row, transaction.Prepare(kCount));
  Bind(*row, query, page.items.back().key, page.revision, true);
  ASYA_TRY(const bool found, row->Step());
  return found ? row->Int(0) : 0;
}

Status ReadPage(Transaction& transaction, const ListQuery& query, Page& page) {
  ASYA_TRY(const Watermark watermark, ReadWatermark(transaction));
  page.revision = query.at.value_or(watermark.head);
  if (page.revision < watermark.compacted) return Compacted(page.revision, watermark.compacted);
  if (page.revision > watermark.head) return NotYetReached(page.revision, watermark.head);
  const bool past = page.revision < watermark.head;
  ASYA_TRY(auto* const row,
           transaction.Prepare(query.namespace_ ? (past ? kListOneAt : kListOne) : (past ? kListAllAt : kListAll)));
  Bind(*row, query, query.after, page.revision, past);
  for (;;) {
    ASYA_TRY(const bool found, row->Step());
    if (!found) return Ok();
    Record record = ReadRecord(*row, 0, query.resource);
    if (!query.selector.Matches(record)) continue;
    if (query.limit > 0 && static_cast<std::int64_t>(page.items.size()) == query.limit) {
      page.more = true;
      break;
    }
    page.items.push_back(std::move(record));
  }
  if (query.selector.empty()) {
    ASYA_TRY(page.remaining, CountAfter(transaction, query, page));
  }
  return Ok();
}

}  // namespace

Result<Page> ObjectStore::List(const ListQuery& query) {
  Page page;
  ASYA_TRY_STATUS(database_.Read([&](Transaction& transaction) { return ReadPage(transaction, query, page); }));
  return page;
}

}  // namespace asya::storage::sqlite
