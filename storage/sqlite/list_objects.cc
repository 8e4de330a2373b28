#include <utility>

#include "storage/damage.h"
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

// Parameters: 1 resource, 2 namespace, 3 and 4 the key to continue after, 5 name, 6 revision. The conditions on the
// place follow the index column by column, so that SQLite reads in order and stops at the limit.
#define ASYA_ALL " AND (namespace, name) > (?3, ?4) AND (?5 IS NULL OR name = ?5)"
#define ASYA_ONE " AND namespace = ?2 AND name > ?4 AND (?5 IS NULL OR name = ?5)"
#define ASYA_CURRENT "SELECT namespace, name, uid, revision, labels, json FROM objects WHERE resource = ?1"
// Of each key that has changed since, the one event that replaced the state of that revision still holds it.
#define ASYA_REPLACED                                                                                         \
  " AND revision <= ?6 UNION ALL "                                                                            \
  "SELECT namespace, name, uid, previous_revision AS revision, coalesce(previous_labels, labels) AS labels, " \
  "coalesce(previous_json, json) AS json FROM events "                                                        \
  "WHERE events.revision > ?6 AND previous_revision <= ?6 AND resource = ?1"
#define ASYA_ORDER " ORDER BY namespace, name"
// What is there now, less what came and plus what went since: the bodies are not touched.
#define ASYA_COUNT(place)                                                                    \
  "SELECT (SELECT count(*) FROM objects WHERE resource = ?1" place                           \
  ") + "                                                                                     \
  "coalesce((SELECT sum(CASE type WHEN 'A' THEN -1 WHEN 'D' THEN 1 ELSE 0 END) FROM events " \
  "WHERE events.revision > ?6 AND resource = ?1" place "), 0)"

struct Statements {
  const char* now;
  const char* past;
  const char* count;
};
constexpr Statements kAllNamespaces{ASYA_CURRENT ASYA_ALL ASYA_ORDER,
                                    ASYA_CURRENT ASYA_ALL ASYA_REPLACED ASYA_ALL ASYA_ORDER, ASYA_COUNT(ASYA_ALL)};
constexpr Statements kOneNamespace{ASYA_CURRENT ASYA_ONE ASYA_ORDER,
                                   ASYA_CURRENT ASYA_ONE ASYA_REPLACED ASYA_ONE ASYA_ORDER, ASYA_COUNT(ASYA_ONE)};

#undef ASYA_ALL
#undef ASYA_ONE
#undef ASYA_CURRENT
#undef ASYA_REPLACED
#undef ASYA_ORDER
#undef ASYA_COUNT

void Bind(Statement& statement, const ListQuery& query, const std::optional<ports::ObjectKey>& after) {
  statement.Bind(1, query.resource);
  const bool one = query.namespace_.has_value();
  if (one) {
    statement.Bind(2, *query.namespace_);
  } else {
    statement.Bind(3, after ? after->namespace_ : std::string());
  }
  const bool starts_within = after && (!one || after->namespace_ == *query.namespace_);
  statement.Bind(4, starts_within ? after->name : std::string());
  if (query.selector.name) statement.Bind(5, *query.selector.name);
}

Result<std::int64_t> CountAfter(Transaction& transaction, const char* sql, const ListQuery& query, const Page& page) {
  ASYA_TRY(auto* const row, transaction.Prepare(sql));
  Bind(*row, query, page.items.back().key);
  ASYA_TRY(const bool found, row->Bind(6, page.revision.get()).Step());
  return found ? row->Int(0) : 0;
}

Status ReadPage(Transaction& transaction, const ListQuery& query, Page& page) {
  ASYA_TRY(const Watermark watermark, ReadWatermark(transaction));
  page.revision = query.at.value_or(watermark.head);
  if (page.revision < watermark.compacted) return Compacted(page.revision, watermark.compacted);
  if (page.revision > watermark.head) return NotYetReached(page.revision, watermark.head);
  // A key beyond the namespace has nothing after it there.
  if (query.namespace_ && query.after && query.after->namespace_ > *query.namespace_) return Ok();
  const Statements& statements = query.namespace_ ? kOneNamespace : kAllNamespaces;
  const bool past = page.revision < watermark.head;
  ASYA_TRY(auto* const row, transaction.Prepare(past ? statements.past : statements.now));
  Bind(*row, query, query.after);
  if (past) row->Bind(6, page.revision.get());
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
    ASYA_TRY(page.remaining, CountAfter(transaction, statements.count, query, page));
  }
  return Ok();
}

}  // namespace

Result<Page> ObjectStore::List(const ListQuery& query) {
  Page page;
  ASYA_TRY_STATUS(database_.Read([&](Transaction& transaction) { return ReadPage(transaction, query, page); }));
  return Whole(std::move(page));
}

}  // namespace asya::storage::sqlite
