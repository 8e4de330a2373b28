#include <limits>
#include <utility>

#include "storage/damage.h"
#include "storage/preconditions.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/rows.h"

namespace asya::storage::sqlite {

using ports::Event;
using ports::HistoryEntry;
using ports::Record;
using ports::Revision;
using sql::sqlite::Statement;
using sql::sqlite::Transaction;

namespace {

constexpr const char* kReadLog = R"sql(
SELECT namespace, name, uid, revision, labels, json,
       namespace, name, uid, previous_revision, coalesce(previous_labels, labels), coalesce(previous_json, json), type
FROM events WHERE revision > ?1 AND resource = ?2 AND (?3 IS NULL OR namespace = ?3)
ORDER BY revision LIMIT ?4)sql";

Event ReadEvent(const Statement& row, const std::string& resource) {
  Event event;
  const std::string_view type = row.View(12);
  event.type = type == "A" ? Event::Type::kAdded : type == "M" ? Event::Type::kModified : Event::Type::kDeleted;
  event.record = ReadRecord(row, 0, resource);
  if (event.type != Event::Type::kAdded) {
    event.previous = std::make_shared<const Record>(ReadRecord(row, 6, resource));
  }
  return event;
}

constexpr const char* kHistory = R"sql(
SELECT namespace, name, uid, revision, '', json, resource, at, user, user_agent, verb
FROM history WHERE resource = ?1 AND namespace = ?2 AND name = ?3 AND (?4 IS NULL OR uid = ?4)
  AND revision <= ?5 AND at <= ?6
ORDER BY revision DESC LIMIT ?7)sql";

Result<HistoryEntry> ReadHistoryEntry(const Statement& row) {
  const Record record = ReadRecord(row, 0, row.Text(6));
  if (record.damaged) return Damaged(record);
  HistoryEntry entry;
  entry.key = record.key;
  entry.uid = record.uid;
  entry.revision = record.revision;
  entry.at = FromMicroseconds(row.Int(7));
  entry.author = {row.Text(8), row.Text(9), row.Text(10), true};
  entry.json = record.json;
  return entry;
}

}  // namespace

Result<LogPage> ObjectStore::ReadLog(const ports::WatchQuery& query, Revision from, const BatchLimits& limits) {
  LogPage page;
  ASYA_TRY_STATUS(database_.Read([&](Transaction& transaction) -> Status {
    ASYA_TRY(const Watermark watermark, ReadWatermark(transaction));
    if (from < watermark.compacted) return Compacted(from, watermark.compacted);
    ASYA_TRY(auto* const row, transaction.Prepare(kReadLog));
    row->Bind(1, from.get()).Bind(2, query.resource).Bind(4, static_cast<std::int64_t>(limits.events));
    if (query.namespace_) row->Bind(3, *query.namespace_);
    page.upto = watermark.head;
    for (;;) {
      ASYA_TRY(const bool found, row->Step());
      if (!found || !page.Add(ReadEvent(*row, query.resource), limits)) return Ok();
    }
  }));
  return page;
}

Result<std::vector<HistoryEntry>> ObjectStore::History(const ports::HistoryQuery& query) {
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  std::vector<HistoryEntry> entries;
  ASYA_TRY_STATUS(database_.Read([&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row, transaction.Prepare(kHistory));
    row->Bind(1, query.key.resource).Bind(2, query.key.namespace_).Bind(3, query.key.name);
    if (query.uid) row->Bind(4, *query.uid);
    row->Bind(5, query.upto ? query.upto->get() : kLast)
        .Bind(6, query.at ? ToMicroseconds(*query.at) : kLast)
        .Bind(7, query.limit);
    for (;;) {
      ASYA_TRY(const bool found, row->Step());
      if (!found) return Ok();
      ASYA_TRY(auto entry, ReadHistoryEntry(*row));
      entries.push_back(std::move(entry));
    }
  }));
  return entries;
}

}  // namespace asya::storage::sqlite
