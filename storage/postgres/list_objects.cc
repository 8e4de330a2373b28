#include <algorithm>
#include <utility>

#include "storage/damage.h"
#include "storage/postgres/object_store.h"
#include "storage/postgres/rows.h"
#include "storage/preconditions.h"

namespace asya::storage::postgres {

using ports::ListQuery;
using ports::ObjectKey;
using ports::Page;
using ports::Record;
using ports::Revision;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

namespace {

// Rows in one answer of the database: the whole answer is held in memory beside the records made of it.
constexpr std::int64_t kChunkRows = 500;

// Parameters: 1 resource, 2 and 3 the key to continue after (2 is the namespace itself where only one is asked for),
// 4 name, 5 rows at most or, in a count, the revision; 6 revision.
#define ASYA_ALL " AND (namespace, name) > ($2, $3) AND ($4::text IS NULL OR name = $4)"
#define ASYA_ONE " AND namespace = $2 AND name > $3 AND ($4::text IS NULL OR name = $4)"
#define ASYA_CURRENT "SELECT namespace, name, uid, revision, labels, json FROM objects WHERE resource = $1"
// Of each key that has changed since, the one event that replaced the state of that revision still holds it.
#define ASYA_REPLACED                                                                   \
  " AND revision <= $6 UNION ALL "                                                      \
  "SELECT namespace, name, uid, previous_revision, coalesce(previous_labels, labels), " \
  "coalesce(previous_json, json) FROM events WHERE revision > $6 AND previous_revision <= $6 AND resource = $1"
#define ASYA_ORDER " ORDER BY namespace, name LIMIT $5"
// What is there now, less what came and plus what went since: the bodies are not touched.
#define ASYA_COUNT(place)                                                                    \
  "SELECT (SELECT count(*) FROM objects WHERE resource = $1" place                           \
  ") + "                                                                                     \
  "coalesce((SELECT sum(CASE type WHEN 'A' THEN -1 WHEN 'D' THEN 1 ELSE 0 END) FROM events " \
  "WHERE revision > $5 AND resource = $1" place "), 0)"

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

Parameters PlaceOf(const ListQuery& query, const std::optional<ObjectKey>& after) {
  const bool one = query.namespace_.has_value();
  const bool starts_within = after && (!one || after->namespace_ == *query.namespace_);
  Parameters parameters;
  parameters.Add(query.resource);
  parameters.Add(one ? *query.namespace_ : after ? after->namespace_ : std::string());
  parameters.Add(starts_within ? after->name : std::string());
  return query.selector.name ? parameters.Add(*query.selector.name) : parameters.AddNull();
}

// Adds what matches of one chunk; true when the page is full or nothing is left.
bool TakeChunk(const Rows& rows, const ListQuery& query, Page& page, std::optional<ObjectKey>& after) {
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Record record = ReadRecord(rows, row, 0, query.resource);
    after = record.key;
    if (!query.selector.Matches(record)) continue;
    if (query.limit > 0 && static_cast<std::int64_t>(page.items.size()) == query.limit) {
      page.more = true;
      return true;
    }
    page.items.push_back(std::move(record));
  }
  return static_cast<std::int64_t>(rows.size()) < kChunkRows;
}

Status ReadPage(Transaction& transaction, const ListQuery& query, Page& page) {
  ASYA_TRY(const Watermark watermark, ReadWatermark(transaction));
  page = Page();
  page.revision = query.at.value_or(watermark.head);
  if (page.revision < watermark.compacted) return Compacted(page.revision, watermark.compacted);
  if (page.revision > watermark.head) return NotYetReached(page.revision, watermark.head);
  // A key beyond the namespace has nothing after it there.
  if (query.namespace_ && query.after && query.after->namespace_ > *query.namespace_) return Ok();
  const Statements& statements = query.namespace_ ? kOneNamespace : kAllNamespaces;
  const bool past = page.revision < watermark.head;
  std::optional<ObjectKey> after = query.after;
  for (bool done = false; !done;) {
    Parameters parameters = PlaceOf(query, after).Add(kChunkRows);
    if (past) parameters.Add(page.revision.get());
    ASYA_TRY(const Rows rows, transaction.Execute(past ? statements.past : statements.now, parameters));
    done = TakeChunk(rows, query, page, after);
  }
  if (page.more && query.selector.empty()) {
    ASYA_TRY(const Rows rows,
             transaction.Execute(statements.count, PlaceOf(query, page.items.back().key).Add(page.revision.get())));
    page.remaining = rows.Int(0, 0);
  }
  return Ok();
}

}  // namespace

Result<Page> ObjectStore::List(const ListQuery& query) {
  // Of the past the mirror has what somebody is reading by pages; all else of it is the database's.
  bool mirrored = query.at.has_value();
  if (!mirrored) {
    ASYA_TRY(mirrored, MirrorShows(query.not_older_than));
  }
  if (mirrored) {
    if (auto found = mirror_.List(query)) return Whole(*std::move(found));
  }
  Page page;
  const Revision seen = log_reader_.SeenHead();
  ASYA_TRY_STATUS(database_.Read([&](Transaction& transaction) { return ReadPage(transaction, query, page); }));
  if (!query.at) ASYA_TRY_STATUS(log_reader_.Saw(page.revision, seen));
  return Whole(std::move(page));
}

}  // namespace asya::storage::postgres
