#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "storage/labels_text.h"
#include "storage/postgres/change.h"
#include "storage/postgres/rows.h"
#include "storage/preconditions.h"

namespace asya::storage::postgres {

using ports::Event;
using ports::ObjectKey;
using ports::Record;
using ports::Revision;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;
using Texts = std::vector<std::string>;
using Numbers = std::vector<std::int64_t>;
using Batch = std::vector<ChangePointer>;

namespace {

// In the order of the keys, so that two replicas never wait for each other's rows crosswise.
//
// Each key is looked up by itself, by the primary key, where the limit keeps it from being joined in any other way: a
// plan that was made while the table was small is kept when it has grown, and would read all of it for each write.
constexpr const char* kLockRows = R"sql(
SELECT o.resource, o.namespace, o.name, o.uid, o.revision, o.labels, o.json
FROM (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS k(resource, namespace, name)
      ORDER BY resource COLLATE "C", namespace COLLATE "C", name COLLATE "C") AS k
CROSS JOIN LATERAL (SELECT * FROM objects WHERE resource = k.resource AND namespace = k.namespace AND name = k.name
                    LIMIT 1 FOR UPDATE) AS o)sql";

constexpr const char* kTakeRevisions = "UPDATE watermark SET head = head + $1 RETURNING head - $1";

constexpr const char* kInsertObjects = R"sql(
INSERT INTO objects(resource, namespace, name, uid, revision, labels, json)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[])
ON CONFLICT DO NOTHING RETURNING resource, namespace, name)sql";

// The rows are locked, so the guards that were checked then hold still.
constexpr const char* kUpdateObjects = R"sql(
UPDATE objects o SET revision = v.revision, labels = v.labels, json = v.json
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[])
  AS v(resource, namespace, name, uid, revision, labels, json)
WHERE o.resource = v.resource AND o.namespace = v.namespace AND o.name = v.name)sql";

constexpr const char* kDeleteObjects = R"sql(
DELETE FROM objects o USING unnest($1::text[], $2::text[], $3::text[]) AS k(resource, namespace, name)
WHERE o.resource = k.resource AND o.namespace = k.namespace AND o.name = k.name)sql";

constexpr const char* kInsertEvents = R"sql(
INSERT INTO events(resource, namespace, name, uid, revision, labels, json, type, at,
                   previous_revision, previous_labels, previous_json)
SELECT resource, namespace, name, uid, revision, labels, json, type, $9::bigint, nullif(previous_revision, 0),
       CASE WHEN type = 'M' THEN previous_labels END, CASE WHEN type = 'M' THEN previous_json END
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[],
            $10::bigint[], $11::text[], $12::text[])
  AS v(resource, namespace, name, uid, revision, labels, json, type,
       previous_revision, previous_labels, previous_json))sql";

constexpr const char* kInsertHistory = R"sql(
INSERT INTO history(resource, namespace, name, uid, revision, json, at, username, user_agent, verb)
SELECT resource, namespace, name, uid, revision, json, $8::bigint, username, user_agent, verb
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[],
            $9::text[], $10::text[], $11::text[])
  AS v(resource, namespace, name, uid, revision, labels, json, username, user_agent, verb))sql";

// Columns of several records, for unnest.
struct Columns {
  Texts resources, namespaces, names, uids, labels, bodies;
  Numbers revisions;

  void Add(const Record& record) {
    resources.push_back(record.key.resource);
    namespaces.push_back(record.key.namespace_);
    names.push_back(record.key.name);
    uids.push_back(record.uid);
    revisions.push_back(record.revision.get());
    labels.push_back(LabelsToText(record.labels));
    bodies.push_back(record.json ? *record.json : std::string());
  }
  [[nodiscard]] bool empty() const { return names.empty(); }
  [[nodiscard]] Parameters Keys() const { return Parameters().Add(resources).Add(namespaces).Add(names); }
  [[nodiscard]] Parameters All() const { return Keys().Add(uids).Add(revisions).Add(labels).Add(bodies); }
};

Status Run(Transaction& transaction, const char* sql, const Parameters& parameters) {
  ASYA_TRY(const Rows rows, transaction.Execute(sql, parameters));
  return Ok();
}

const char* TypeText(Event::Type type) {
  switch (type) {
    case Event::Type::kAdded:
      return "A";
    case Event::Type::kModified:
      return "M";
    case Event::Type::kDeleted:
      return "D";
    case Event::Type::kBookmark:
      break;
  }
  return "";
}

// Locks what is there of the batch's keys and lets each change pass or not.
Status CheckGuards(Transaction& transaction, const Batch& batch) {
  Columns keys;
  for (const auto& change : batch) keys.Add(change->record);
  ASYA_TRY(const Rows rows, transaction.Execute(kLockRows, keys.Keys()));
  std::map<ObjectKey, Record> stored;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Record record = ReadRecord(rows, row, 1, rows.Text(row, 0));
    stored.emplace(record.key, record);
  }
  for (const auto& change : batch) {
    const auto found = stored.find(change->record.key);
    change->outcome = Ok();
    change->stored = change->record;
    if (change->type == Event::Type::kAdded) {
      if (found != stored.end()) change->outcome = AlreadyExists(change->record.key);
      continue;
    }
    if (found == stored.end()) {
      change->outcome = NoSuchObject(change->record.key);
    } else if (auto violation = Violation(found->second, change->precondition)) {
      change->outcome = *violation;
    } else {
      change->previous = found->second;
      change->stored.uid = found->second.uid;
      if (change->type == Event::Type::kDeleted) change->stored = found->second;
    }
  }
  return Ok();
}

Status TakeRevisions(Transaction& transaction, const Batch& batch, Committed& committed) {
  committed = Committed();
  std::int64_t count = 0;
  for (const auto& change : batch) count += change->outcome.ok() ? 1 : 0;
  if (count == 0) return Ok();
  ASYA_TRY_STATUS(LockRevisions(transaction));
  ASYA_TRY(const Rows rows, transaction.Execute(kTakeRevisions, Parameters().Add(count)));
  if (rows.empty()) return Fail(ErrorCode::kInternal, "the watermark of the store is missing");
  std::int64_t revision = rows.Int(0, 0);
  committed.base = Revision(revision);
  committed.upto = Revision(revision + count);
  for (const auto& change : batch) {
    if (change->outcome.ok()) change->stored.revision = Revision(++revision);
  }
  return Ok();
}

Status WriteObjects(Transaction& transaction, const Batch& batch) {
  Columns created, updated, deleted;
  for (const auto& change : batch) {
    if (!change->outcome.ok()) continue;
    const Event::Type type = change->type;
    (type == Event::Type::kAdded ? created : type == Event::Type::kModified ? updated : deleted).Add(change->stored);
  }
  if (!updated.empty()) ASYA_TRY_STATUS(Run(transaction, kUpdateObjects, updated.All()));
  if (!deleted.empty()) ASYA_TRY_STATUS(Run(transaction, kDeleteObjects, deleted.Keys()));
  if (created.empty()) return Ok();
  ASYA_TRY(const Rows rows, transaction.Execute(kInsertObjects, created.All()));
  std::set<ObjectKey> inserted;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    inserted.insert({rows.Text(row, 0), rows.Text(row, 1), rows.Text(row, 2)});
  }
  for (const auto& change : batch) {
    if (change->type != Event::Type::kAdded || !change->outcome.ok()) continue;
    // Another replica was quicker between the check and the lock; its revision stays unused.
    if (!inserted.contains(change->record.key)) change->outcome = AlreadyExists(change->record.key);
  }
  return Ok();
}

Status WriteLog(Transaction& transaction, const Batch& batch, WallTime now) {
  Columns events;
  Texts types, previous_labels, previous_bodies;
  Numbers previous_revisions;
  for (const auto& change : batch) {
    if (!change->outcome.ok()) continue;
    events.Add(change->stored);
    types.emplace_back(TypeText(change->type));
    const bool modified = change->type == Event::Type::kModified;
    previous_revisions.push_back(change->type == Event::Type::kAdded ? 0 : change->previous.revision.get());
    previous_labels.push_back(modified ? LabelsToText(change->previous.labels) : "");
    previous_bodies.push_back(modified ? *change->previous.json : "");
  }
  if (events.empty()) return Ok();
  return Run(transaction, kInsertEvents,
             events.All()
                 .Add(types)
                 .Add(ToMicroseconds(now))
                 .Add(previous_revisions)
                 .Add(previous_labels)
                 .Add(previous_bodies));
}

Status WriteHistory(Transaction& transaction, const Batch& batch, WallTime now) {
  Columns entries;
  Texts users, agents, verbs;
  for (const auto& change : batch) {
    if (!change->outcome.ok() || !change->author.keep_history) continue;
    entries.Add(change->stored);
    users.push_back(change->author.user);
    agents.push_back(change->author.user_agent);
    verbs.push_back(change->author.verb);
  }
  if (entries.empty()) return Ok();
  return Run(transaction, kInsertHistory, entries.All().Add(ToMicroseconds(now)).Add(users).Add(agents).Add(verbs));
}

// As the log tells them.
std::vector<Event> EventsOf(const Batch& batch) {
  std::vector<Event> events;
  for (const auto& change : batch) {
    if (!change->outcome.ok()) continue;
    Event event{change->type, change->stored, nullptr};
    if (change->type != Event::Type::kAdded) event.previous = std::make_shared<const Record>(change->previous);
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace

Result<Committed> CommitBatch(sql::postgres::Database& database, const Batch& batch, WallTime now) {
  Committed committed;
  const Status written = database.Write([&](Transaction& transaction) -> Status {
    ASYA_TRY_STATUS(CheckGuards(transaction, batch));
    ASYA_TRY_STATUS(TakeRevisions(transaction, batch, committed));
    ASYA_TRY_STATUS(WriteObjects(transaction, batch));
    ASYA_TRY_STATUS(WriteLog(transaction, batch, now));
    ASYA_TRY_STATUS(WriteHistory(transaction, batch, now));
    return Run(transaction, "SELECT pg_notify('asya_objects', '')", {});
  });
  if (!written.ok()) return written.error();
  committed.events = EventsOf(batch);
  return committed;
}

}  // namespace asya::storage::postgres
