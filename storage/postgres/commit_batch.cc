#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "storage/labels_text.h"
#include "storage/postgres/change.h"
#include "storage/postgres/rewind.h"
#include "storage/postgres/rows.h"
#include "storage/preconditions.h"
#include "storage/revision_bump.h"

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
// Each key is looked up by itself, by the primary key, where the limit keeps it from being joined in any other way.
constexpr const char* kLockRows = R"sql(
SELECT o.resource, o.namespace, o.name, o.uid, o.revision, o.labels, o.json
FROM (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS k(resource, namespace, name)
      ORDER BY resource COLLATE "C", namespace COLLATE "C", name COLLATE "C") AS k
CROSS JOIN LATERAL (SELECT * FROM objects WHERE resource = k.resource AND namespace = k.namespace AND name = k.name
                    LIMIT 1 FOR UPDATE) AS o)sql";

// All that a batch changes, in one statement, so that each body goes over the wire once. The row of the watermark is
// locked before anything else is written and until the commit is visible: so the order of revisions is that in which
// others see them. An object that another replica made between the check and here, which the statement's snapshot may
// not show, is left alone and not told; its revision stays unused.
//
// A head below what was seen has lost commits: it goes on above them, by the same rule as RaiseAbove. Whether it was
// this statement that raised it, only the head of before tells: another one may have raised it to the same revision.
//
// A batch of one kind has a statement without the parts of the others. All are for connections with fixed plans: left
// alone, PostgreSQL finds a plan for the number of keys at hand cheaper than one for any number, and makes one for each
// batch.
#define ASYA_VALUES                                                                                \
  "WITH taken AS (UPDATE watermark AS w SET "                                                      \
  "head = CASE WHEN was.head < $17 THEN $17 + $18 ELSE was.head END + $1, "                        \
  "compacted = CASE WHEN was.head < $17 THEN $17 + $18 ELSE w.compacted END "                      \
  "FROM (SELECT id, head FROM watermark WHERE id = 1 FOR UPDATE) AS was WHERE w.id = was.id "      \
  "RETURNING w.head - $1 AS base, (was.head < $17)::int AS raised), "                              \
  "v AS (SELECT taken.base + u.place AS revision, u.* FROM taken CROSS JOIN "                      \
  "unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], "    \
  "$9::bigint[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::text[]) " \
  "WITH ORDINALITY AS u(type, resource, namespace, name, uid, labels, json, "                      \
  "previous_revision, previous_labels, previous_json, kept, username, user_agent, verb, place)), "
#define ASYA_CREATED                                                                         \
  "created AS (INSERT INTO objects(resource, namespace, name, uid, revision, labels, json) " \
  "SELECT resource, namespace, name, uid, revision, labels, json FROM v WHERE type = 'A' "   \
  "ON CONFLICT DO NOTHING RETURNING resource, namespace, name), "
#define ASYA_NOT_CREATED "created AS (SELECT '' AS resource, '' AS namespace, '' AS name), "
#define ASYA_UPDATED                                                                          \
  "updated AS (UPDATE objects o SET revision = v.revision, labels = v.labels, json = v.json " \
  "FROM v WHERE v.type = 'M' AND o.resource = v.resource AND o.namespace = v.namespace AND o.name = v.name), "
#define ASYA_DELETED                           \
  "deleted AS (DELETE FROM objects o USING v " \
  "WHERE v.type = 'D' AND o.resource = v.resource AND o.namespace = v.namespace AND o.name = v.name), "
#define ASYA_TOLD                                                                                                    \
  "written AS (SELECT * FROM v "                                                                                     \
  "WHERE type <> 'A' OR (resource, namespace, name) IN (SELECT resource, namespace, name FROM created)), "           \
  "logged AS (INSERT INTO events(resource, namespace, name, uid, revision, labels, json, type, at, "                 \
  "previous_revision, previous_labels, previous_json) "                                                              \
  "SELECT resource, namespace, name, uid, revision, labels, json, type, $16::bigint, nullif(previous_revision, 0), " \
  "CASE WHEN type = 'M' THEN previous_labels END, CASE WHEN type = 'M' THEN previous_json END FROM written), "       \
  "remembered AS (INSERT INTO history(resource, namespace, name, uid, revision, json, at, username, user_agent, "    \
  "verb) "                                                                                                           \
  "SELECT resource, namespace, name, uid, revision, json, $16::bigint, username, user_agent, verb "                  \
  "FROM written WHERE kept = 1) "                                                                                    \
  "SELECT taken.base, created.resource, created.namespace, created.name, " ASYA_SERVER_RUN                           \
  ", taken.raised, pg_notify('asya_objects', $19) "                                                                  \
  "FROM taken LEFT JOIN created ON true"

constexpr const char* kWriteCreates = ASYA_VALUES ASYA_CREATED ASYA_TOLD;
constexpr const char* kWriteUpdates = ASYA_VALUES ASYA_NOT_CREATED ASYA_UPDATED ASYA_TOLD;
constexpr const char* kWriteAnything = ASYA_VALUES ASYA_CREATED ASYA_UPDATED ASYA_DELETED ASYA_TOLD;

#undef ASYA_VALUES
#undef ASYA_CREATED
#undef ASYA_NOT_CREATED
#undef ASYA_UPDATED
#undef ASYA_DELETED
#undef ASYA_TOLD

// Columns of several changes, for unnest.
struct Columns {
  Texts types, resources, namespaces, names, uids, labels, bodies, previous_labels, previous_bodies;
  Texts users, agents, verbs;
  Numbers previous_revisions, kept;

  void AddKey(const ObjectKey& key) {
    resources.push_back(key.resource);
    namespaces.push_back(key.namespace_);
    names.push_back(key.name);
  }
  void Add(const Change& change);
  [[nodiscard]] Parameters Keys() const { return Parameters().Add(resources).Add(namespaces).Add(names); }
};

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

void Columns::Add(const Change& change) {
  const Record& record = change.stored;
  AddKey(record.key);
  types.emplace_back(TypeText(change.type));
  uids.push_back(record.uid);
  labels.push_back(LabelsToText(record.labels));
  bodies.push_back(*record.json);
  const bool modified = change.type == Event::Type::kModified;
  previous_revisions.push_back(change.type == Event::Type::kAdded ? 0 : change.previous.revision.get());
  previous_labels.push_back(modified ? LabelsToText(change.previous.labels) : "");
  previous_bodies.push_back(modified ? *change.previous.json : "");
  kept.push_back(change.author.keep_history ? 1 : 0);
  users.push_back(change.author.user);
  agents.push_back(change.author.user_agent);
  verbs.push_back(change.author.verb);
}

// Locks what is there of the batch's keys and lets each change pass or not.
Status CheckGuards(Transaction& transaction, const Batch& batch) {
  Columns keys;
  for (const auto& change : batch) keys.AddKey(change->record.key);
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

Status WriteAll(Transaction& transaction, const Batch& batch, WallTime now, const Origin& origin,
                Committed& committed) {
  Columns columns;
  for (const auto& change : batch) {
    if (change->outcome.ok()) columns.Add(*change);
  }
  committed = Committed();
  if (columns.names.empty()) return Ok();
  const auto count = static_cast<std::int64_t>(columns.names.size());
  Parameters parameters;
  parameters.Add(count).Add(columns.types).Add(columns.resources).Add(columns.namespaces).Add(columns.names);
  parameters.Add(columns.uids).Add(columns.labels).Add(columns.bodies);
  parameters.Add(columns.previous_revisions).Add(columns.previous_labels).Add(columns.previous_bodies);
  parameters.Add(columns.kept).Add(columns.users).Add(columns.agents).Add(columns.verbs).Add(ToMicroseconds(now));
  parameters.Add(origin.seen.get()).Add(kRevisionBump).Add(origin.name);
  const auto all_are = [&](const char* type) {
    return std::all_of(columns.types.begin(), columns.types.end(), [&](const std::string& one) { return one == type; });
  };
  const char* const sql = all_are("A") ? kWriteCreates : all_are("M") ? kWriteUpdates : kWriteAnything;
  ASYA_TRY(const Rows rows, transaction.Execute(sql, parameters));
  if (rows.empty()) return Fail(ErrorCode::kInternal, "the watermark of the store is missing");
  std::int64_t revision = rows.Int(0, 0);
  committed.base = Revision(revision);
  committed.upto = Revision(revision + count);
  committed.server = rows.Text(0, 4);
  committed.raised = rows.Int(0, 5) != 0;
  committed.at = ToMicroseconds(now);
  std::set<ObjectKey> created;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    created.insert({rows.Text(row, 1), rows.Text(row, 2), rows.Text(row, 3)});
  }
  for (const auto& change : batch) {
    if (!change->outcome.ok()) continue;
    change->stored.revision = Revision(++revision);
    const bool was_quicker = change->type == Event::Type::kAdded && !created.contains(change->record.key);
    if (was_quicker) change->outcome = AlreadyExists(change->record.key);
  }
  return Ok();
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

Result<Committed> CommitBatch(sql::postgres::Database& database, const Batch& batch, WallTime now,
                              const Origin& origin) {
  Committed committed;
  const Status written = database.Write([&](Transaction& transaction) -> Status {
    ASYA_TRY_STATUS(CheckGuards(transaction, batch));
    return WriteAll(transaction, batch, now, origin, committed);
  });
  if (!written.ok()) return written.error();
  committed.events = EventsOf(batch);
  return committed;
}

}  // namespace asya::storage::postgres
