#include "transports/postgres/tables.h"

#include <charconv>

#include "transports/postgres/functions.h"

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
  return {{"transports", 1, kSchema1},
          {"transports", 2, kSchema2},
          {"transports", 3, std::string(kPublishMessages) + kSettleAndTake}};
}

std::int64_t ShardOf(std::int64_t writer) {
  constexpr std::int64_t kShards = 16;
  return writer % kShards;
}

bool CanBeNamed(const std::string& queue) { return queue.find('\0') == std::string::npos; }

Error NoQueue(const std::string& queue) { return {ErrorCode::kUnroutable, "there is no queue " + queue, queue}; }

Status CheckSizes(const std::vector<ports::Outgoing>& messages) {
  for (const auto& message : messages) {
    if (message.body.size() <= kMessageBytesMax) continue;
    return Fail(ErrorCode::kTooLarge, "a message for " + message.queue + " has " + std::to_string(message.body.size()) +
                                          " bytes; the limit is " + std::to_string(kMessageBytesMax));
  }
  return Ok();
}

Status Notify(sql::postgres::Transaction& transaction, const std::string& queue, std::int64_t delay_ms) {
  ASYA_TRY(const auto rows,
           transaction.Execute("SELECT pg_notify('asya_queue', $1)",
                               sql::postgres::Parameters().Add(std::to_string(delay_ms) + " " + queue)));
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
