#include "transports/postgres/tables.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "transports/postgres/settle_and_take.h"

namespace asya::transports::postgres {
namespace {

// A message is leased while leased_until is to come; then it may be taken again. visible_at is when it (last) became
// visible.
constexpr const char* kSchema1 =
    "CREATE TABLE queues("
    "  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    "  name text NOT NULL UNIQUE,"
    "  owner_uid text NOT NULL);"
    "CREATE TABLE messages("
    "  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    "  queue_id bigint NOT NULL,"
    "  visible_at timestamptz NOT NULL DEFAULT now(),"
    "  leased_until timestamptz,"
    "  lease_owner bigint,"
    "  crash_count bigint NOT NULL DEFAULT 0,"
    "  body bytea NOT NULL);"
    "CREATE INDEX messages_by_queue ON messages(queue_id, visible_at, id);"
    "CREATE TABLE queue_totals("
    "  queue_id bigint NOT NULL, shard bigint NOT NULL,"
    "  arrived bigint NOT NULL, settled bigint NOT NULL,"
    "  PRIMARY KEY(queue_id, shard)) WITH (fillfactor = 50);";

// A message is written twice between its arrival and its end, by its lease and by the announcement of its call, and
// each write makes a whole new row. So the row is small, has room beside it (a heap-only update: no index is touched),
// and its body lies elsewhere, written once.
constexpr const char* kSchema2 =
    // Before the copy is read: what a relay commits meanwhile would have no body.
    "LOCK TABLE messages IN ACCESS EXCLUSIVE MODE;"
    "CREATE TABLE bodies(id bigint PRIMARY KEY, body bytea NOT NULL);"
    "INSERT INTO bodies SELECT id, body FROM messages;"
    "ALTER TABLE messages DROP COLUMN body;"
    "ALTER TABLE messages SET (fillfactor = 50);";

}  // namespace

std::vector<sql::postgres::Migration> Migrations() {
  return {{"transports", 1, kSchema1}, {"transports", 2, kSchema2}, {"transports", 3, kSettleAndTake}};
}

std::int64_t ShardOf(std::int64_t writer) {
  constexpr std::int64_t kShards = 16;
  return writer % kShards;
}

Result<QueueIds> FindQueues(sql::postgres::Transaction& transaction, const std::vector<std::string>& names) {
  QueueIds found;
  // PostgreSQL refuses the question for a text with a NUL; no queue is called so.
  std::vector<std::string> possible;
  std::copy_if(names.begin(), names.end(), std::back_inserter(possible),
               [](const std::string& name) { return name.find('\0') == std::string::npos; });
  if (possible.empty()) return found;
  ASYA_TRY(const auto rows,
           transaction.Execute("SELECT name, id FROM queues WHERE name = ANY($1::text[]) ORDER BY id FOR KEY SHARE",
                               sql::postgres::Parameters().Add(possible)));
  for (std::size_t row = 0; row < rows.size(); ++row) found[rows.Text(row, 0)] = rows.Int(row, 1);
  return found;
}

Status CheckSizes(const std::vector<ports::Outgoing>& messages) {
  for (const auto& message : messages) {
    if (message.body.size() <= kMessageBytesMax) continue;
    return Fail(ErrorCode::kTooLarge, "a message for " + message.queue + " has " + std::to_string(message.body.size()) +
                                          " bytes; the limit is " + std::to_string(kMessageBytesMax));
  }
  return Ok();
}

Status CheckRoutes(const std::vector<ports::Outgoing>& messages, const QueueIds& queues) {
  for (const auto& message : messages) {
    if (!queues.contains(message.queue)) {
      return Error{ErrorCode::kUnroutable, "there is no queue " + message.queue, message.queue};
    }
  }
  return Ok();
}

void NewMessages::Add(const std::vector<ports::Outgoing>& messages, const QueueIds& ids) {
  for (const auto& message : messages) {
    queues.push_back(ids.at(message.queue));
    bodies.emplace_back(message.body);
  }
}

Status Insert(sql::postgres::Transaction& transaction, const NewMessages& messages) {
  if (messages.queues.empty()) return Ok();
  ASYA_TRY(const auto rows,
           transaction.Execute("WITH added AS MATERIALIZED ("
                               "SELECT nextval('messages_id_seq') AS id, queue_id, body "
                               "FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS given(queue_id, body, place) "
                               "ORDER BY place), "
                               "arrived AS (INSERT INTO messages(id, queue_id) OVERRIDING SYSTEM VALUE "
                               "SELECT id, queue_id FROM added) "
                               "INSERT INTO bodies(id, body) SELECT id, body FROM added",
                               sql::postgres::Parameters().Add(messages.queues).AddBytes(messages.bodies)));
  static_cast<void>(rows);
  return Ok();
}

Status AddTotals(sql::postgres::Transaction& transaction, const std::map<std::int64_t, Totals>& totals,
                 std::int64_t shard) {
  if (totals.empty()) return Ok();
  std::vector<std::int64_t> queues;
  std::vector<std::int64_t> arrived;
  std::vector<std::int64_t> settled;
  // In the order of the map, which is that of the ids: two writers lock common rows in the same order.
  for (const auto& [queue, added] : totals) {
    queues.push_back(queue);
    arrived.push_back(added.arrived);
    settled.push_back(added.settled);
  }
  ASYA_TRY(const auto rows,
           transaction.Execute(
               "INSERT INTO queue_totals(queue_id, shard, arrived, settled) "
               "SELECT q, $4::bigint, a, s FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS t(q, a, s) "
               "ON CONFLICT (queue_id, shard) DO UPDATE SET arrived = queue_totals.arrived + excluded.arrived, "
               "settled = queue_totals.settled + excluded.settled",
               sql::postgres::Parameters().Add(queues).Add(arrived).Add(settled).Add(shard)));
  static_cast<void>(rows);
  return Ok();
}

Status Notify(sql::postgres::Transaction& transaction, const std::map<std::string, std::int64_t>& hints) {
  if (hints.empty()) return Ok();
  std::vector<std::string> payloads;
  for (const auto& [queue, delay_ms] : hints) payloads.push_back(std::to_string(delay_ms) + " " + queue);
  ASYA_TRY(const auto rows,
           transaction.Execute("SELECT pg_notify('asya_queue', payload) FROM unnest($1::text[]) AS hints(payload)",
                               sql::postgres::Parameters().Add(payloads)));
  static_cast<void>(rows);
  return Ok();
}

Hint ParseHint(const std::string& payload) {
  Hint hint;
  const std::size_t space = payload.find(' ');
  if (space == std::string::npos) return hint;
  std::from_chars(payload.data(), payload.data() + space, hint.delay_ms);
  hint.queue = payload.substr(space + 1);
  return hint;
}

}  // namespace asya::transports::postgres
