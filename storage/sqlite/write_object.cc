#include <utility>

#include "storage/damage.h"
#include "storage/labels_text.h"
#include "storage/preconditions.h"
#include "storage/sqlite/bounded_write.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/rows.h"

namespace asya::storage::sqlite {

using ports::Event;
using ports::Precondition;
using ports::Record;
using ports::Revision;
using sql::sqlite::Statement;
using sql::sqlite::Transaction;

// One write, from its caller to the writer thread and back.
struct ObjectStore::Change {
  Event::Type type;
  Record record;  // as asked for; once applied, as stored
  Precondition precondition;
  ports::Author author;
  WallTime at;
  std::shared_ptr<const Record> previous;  // set by Apply
};

namespace {

// The event is written first, because its guard decides about the whole write: no row, no write. The revision is the
// next one; only this thread gives them out, and a rollback gives it back.
constexpr const char* kLogCreate = R"sql(
INSERT INTO events(revision, at, type, resource, namespace, name, uid, labels, json)
SELECT head + 1, ?1, 'A', ?2, ?3, ?4, ?5, ?6, ?7 FROM watermark
WHERE NOT EXISTS (SELECT 1 FROM objects WHERE resource = ?2 AND namespace = ?3 AND name = ?4)
RETURNING revision)sql";

constexpr const char* kLogUpdate = R"sql(
INSERT INTO events(revision, at, type, resource, namespace, name, uid, labels, json,
                   previous_revision, previous_labels, previous_json)
SELECT head + 1, ?1, 'M', o.resource, o.namespace, o.name, o.uid, ?5, ?6, o.revision, o.labels, o.json
FROM objects o, watermark
WHERE o.resource = ?2 AND o.namespace = ?3 AND o.name = ?4
  AND (?7 IS NULL OR o.revision = ?7) AND (?8 IS NULL OR o.uid = ?8)
RETURNING revision, namespace, name, uid, previous_revision, previous_labels, previous_json)sql";

constexpr const char* kLogDelete = R"sql(
INSERT INTO events(revision, at, type, resource, namespace, name, uid, labels, json, previous_revision)
SELECT head + 1, ?1, 'D', o.resource, o.namespace, o.name, o.uid, o.labels, o.json, o.revision
FROM objects o, watermark
WHERE o.resource = ?2 AND o.namespace = ?3 AND o.name = ?4
  AND (?5 IS NULL OR o.revision = ?5) AND (?6 IS NULL OR o.uid = ?6)
RETURNING revision, namespace, name, uid, previous_revision, labels, json)sql";

void BindPrecondition(Statement& statement, int first, const Precondition& precondition) {
  if (precondition.revision) statement.Bind(first, precondition.revision->get());
  if (precondition.uid) statement.Bind(first + 1, *precondition.uid);
}

// Why the guard of an update or a deletion let nothing through.
Error Refusal(Transaction& transaction, const Record& record, const Precondition& precondition) {
  ASYA_TRY(auto* const row, transaction.Prepare("SELECT uid, revision FROM objects "
                                                "WHERE resource = ?1 AND namespace = ?2 AND name = ?3"));
  row->Bind(1, record.key.resource).Bind(2, record.key.namespace_).Bind(3, record.key.name);
  ASYA_TRY(const bool found, row->Step());
  if (!found) return NoSuchObject(record.key);
  Record stored;
  stored.key = record.key;
  stored.uid = row->Text(0);
  stored.revision = Revision(row->Int(1));
  const auto violation = Violation(stored, precondition);
  return violation.value_or(
      Fail(ErrorCode::kInternal, Describe(record.key) + ": the write was refused without a reason"));
}

Status PutObject(Transaction& transaction, const Record& record) {
  ASYA_TRY(auto* const put,
           transaction.Prepare("INSERT INTO objects(resource, namespace, name, uid, revision, labels, json) "
                               "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                               "ON CONFLICT(resource, namespace, name) DO UPDATE SET "
                               "uid = excluded.uid, revision = excluded.revision, labels = excluded.labels, "
                               "json = excluded.json"));
  return put->Bind(1, record.key.resource)
      .Bind(2, record.key.namespace_)
      .Bind(3, record.key.name)
      .Bind(4, record.uid)
      .Bind(5, record.revision.get())
      .Bind(6, LabelsToText(record.labels))
      .Bind(7, *record.json)
      .Run();
}

Status RemoveObject(Transaction& transaction, const Record& record) {
  ASYA_TRY(auto* const remove,
           transaction.Prepare("DELETE FROM objects WHERE resource = ?1 AND namespace = ?2 AND name = ?3"));
  return remove->Bind(1, record.key.resource).Bind(2, record.key.namespace_).Bind(3, record.key.name).Run();
}

Status PutHistory(Transaction& transaction, const Record& record, const ports::Author& author, WallTime at) {
  ASYA_TRY(auto* const put, transaction.Prepare("INSERT INTO history(revision, at, uid, resource, namespace, name, "
                                                "user, user_agent, verb, json) "
                                                "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"));
  return put->Bind(1, record.revision.get())
      .Bind(2, ToMicroseconds(at))
      .Bind(3, record.uid)
      .Bind(4, record.key.resource)
      .Bind(5, record.key.namespace_)
      .Bind(6, record.key.name)
      .Bind(7, author.user)
      .Bind(8, author.user_agent)
      .Bind(9, author.verb)
      .Bind(10, *record.json)
      .Run();
}

Status AdvanceHead(Transaction& transaction, Revision revision) {
  ASYA_TRY(auto* const advance, transaction.Prepare("UPDATE watermark SET head = ?1"));
  return advance->Bind(1, revision.get()).Run();
}

Status LogCreate(Transaction& transaction, Record& record, WallTime at) {
  ASYA_TRY(auto* const log, transaction.Prepare(kLogCreate));
  log->Bind(1, ToMicroseconds(at))
      .Bind(2, record.key.resource)
      .Bind(3, record.key.namespace_)
      .Bind(4, record.key.name)
      .Bind(5, record.uid)
      .Bind(6, LabelsToText(record.labels))
      .Bind(7, *record.json);
  ASYA_TRY(const bool written, log->Step());
  if (!written) return AlreadyExists(record.key);
  record.revision = Revision(log->Int(0));
  return Ok();
}

// Both return the state before the write.
Result<Record> LogUpdate(Transaction& transaction, Record& record, const Precondition& precondition, WallTime at) {
  ASYA_TRY(auto* const log, transaction.Prepare(kLogUpdate));
  log->Bind(1, ToMicroseconds(at))
      .Bind(2, record.key.resource)
      .Bind(3, record.key.namespace_)
      .Bind(4, record.key.name)
      .Bind(5, LabelsToText(record.labels))
      .Bind(6, *record.json);
  BindPrecondition(*log, 7, precondition);
  ASYA_TRY(const bool written, log->Step());
  if (!written) return Refusal(transaction, record, precondition);
  Record previous = ReadRecord(*log, 1, record.key.resource);
  record.uid = previous.uid;
  record.revision = Revision(log->Int(0));
  return previous;
}

Result<Record> LogDelete(Transaction& transaction, Record& record, const Precondition& precondition, WallTime at) {
  ASYA_TRY(auto* const log, transaction.Prepare(kLogDelete));
  log->Bind(1, ToMicroseconds(at)).Bind(2, record.key.resource).Bind(3, record.key.namespace_).Bind(4, record.key.name);
  BindPrecondition(*log, 5, precondition);
  ASYA_TRY(const bool written, log->Step());
  if (!written) return Refusal(transaction, record, precondition);
  Record previous = ReadRecord(*log, 1, record.key.resource);
  record = previous;
  record.revision = Revision(log->Int(0));
  return previous;
}

}  // namespace

Status ObjectStore::Apply(Transaction& transaction, Change& change) {
  switch (change.type) {
    case Event::Type::kAdded:
      ASYA_TRY_STATUS(LogCreate(transaction, change.record, change.at));
      ASYA_TRY_STATUS(PutObject(transaction, change.record));
      break;
    case Event::Type::kModified: {
      ASYA_TRY(Record previous, LogUpdate(transaction, change.record, change.precondition, change.at));
      change.previous = std::make_shared<const Record>(std::move(previous));
      ASYA_TRY_STATUS(PutObject(transaction, change.record));
      break;
    }
    case Event::Type::kDeleted: {
      ASYA_TRY(Record previous, LogDelete(transaction, change.record, change.precondition, change.at));
      change.previous = std::make_shared<const Record>(std::move(previous));
      ASYA_TRY_STATUS(RemoveObject(transaction, change.record));
      break;
    }
    case Event::Type::kBookmark:
      return Fail(ErrorCode::kInternal, "a bookmark is no write");
  }
  if (change.author.keep_history) {
    ASYA_TRY_STATUS(PutHistory(transaction, change.record, change.author, change.at));
  }
  return AdvanceHead(transaction, change.record.revision);
}

Result<Record> ObjectStore::Commit(std::shared_ptr<Change> change) {
  change->at = clock_.Now();
  change->record.damaged = change->record.json != nullptr && IsDamaged(*change->record.json);
  ASYA_TRY_STATUS(BoundedWrite(
      database_, settings_.write_timeout, [change](Transaction& transaction) { return Apply(transaction, *change); },
      [change, broadcaster = broadcaster_] {
        broadcaster->Append(Event{change->type, change->record, change->previous});
      }));
  return change->record;
}

Result<Record> ObjectStore::Create(Record record, const ports::Author& author) {
  return Commit(std::make_shared<Change>(Change{Event::Type::kAdded, std::move(record), {}, author, {}, nullptr}));
}

Result<Record> ObjectStore::Update(Record record, const Precondition& precondition, const ports::Author& author) {
  Precondition guard = precondition;
  if (!guard.uid && !record.uid.empty()) guard.uid = record.uid;
  return Commit(std::make_shared<Change>(
      Change{Event::Type::kModified, std::move(record), std::move(guard), author, {}, nullptr}));
}

Result<Record> ObjectStore::Delete(const ports::ObjectKey& key, const Precondition& precondition,
                                   const ports::Author& author) {
  Record record;
  record.key = key;
  return Commit(
      std::make_shared<Change>(Change{Event::Type::kDeleted, std::move(record), precondition, author, {}, nullptr}));
}

}  // namespace asya::storage::sqlite
