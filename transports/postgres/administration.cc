#include "transports/postgres/administration.h"

#include <atomic>
#include <utility>

#include "transports/postgres/tables.h"

namespace asya::transports::postgres {
namespace {

using sql::postgres::Parameters;
using sql::postgres::Transaction;

// After a restart of the server each pooled connection is found dead once; nothing has happened then.
template <class Run>
Status Persistently(const sql::postgres::Database& database, const Run& run) {
  Status status = run();
  for (std::size_t tries = 0; tries < database.settings().connections; ++tries) {
    if (status.ok() || status.error().code != ErrorCode::kUnavailable) break;
    status = run();
  }
  return status;
}

// Of a group of messages: visible, delayed, leased, and the age of the oldest visible one in microseconds.
#define ASYA_LEASED "leased_until IS NOT NULL AND leased_until > now()"
#define ASYA_VISIBLE "visible_at <= now() AND (leased_until IS NULL OR leased_until <= now())"
#define ASYA_STATES                                                                                                  \
  "count(*) FILTER (WHERE " ASYA_VISIBLE                                                                             \
  "), count(*) FILTER (WHERE visible_at > now() AND "                                                                \
  "(leased_until IS NULL OR leased_until <= now())), "                                                               \
  "count(*) FILTER (WHERE " ASYA_LEASED "), (extract(epoch FROM now() - min(visible_at) FILTER (WHERE " ASYA_VISIBLE \
  ")) * 1000000)::bigint"

ports::QueueStats ReadStates(const sql::postgres::Rows& rows, std::size_t row, int first) {
  ports::QueueStats stats;
  stats.visible = rows.Int(row, first);
  stats.delayed = rows.Int(row, first + 1);
  stats.in_flight = rows.Int(row, first + 2);
  stats.oldest_age = std::chrono::microseconds(rows.Int(row, first + 3));
  return stats;
}

std::int64_t NextShard() {
  static std::atomic<std::int64_t> next{0};
  return ShardOf(next++);
}

}  // namespace

Status PublishInTransaction(Transaction& transaction, const std::vector<ports::Outgoing>& messages) {
  ASYA_TRY_STATUS(CheckSizes(messages));
  if (messages.empty()) return Ok();
  std::vector<std::string> queues;
  std::vector<std::string_view> bodies;
  for (const auto& message : messages) {
    if (!CanBeNamed(message.queue)) return NoQueue(message.queue);
    queues.push_back(message.queue);
    bodies.emplace_back(message.body);
  }
  ASYA_TRY(const auto rows, transaction.Execute("SELECT publish_messages($1::text[], $2::bigint, $3::bytea[])",
                                                Parameters().Add(queues).Add(NextShard()).AddBytes(bodies)));
  return rows.IsNull(0, 0) ? Ok() : Status(NoQueue(queues.at(static_cast<std::size_t>(rows.Int(0, 0)) - 1)));
}

Status EnqueueInTransaction(Transaction& transaction, const std::string& queue, const std::string& body) {
  constexpr std::size_t kLimit = ports::OrdinaryLimitBytes(kMessageBytesMax);
  if (body.size() > kLimit) {
    return Fail(ErrorCode::kTooLarge, "a message for " + queue + " has " + std::to_string(body.size()) +
                                          " bytes; the limit is " + std::to_string(kLimit));
  }
  return PublishInTransaction(transaction, {{queue, body, ""}});
}

Administration::Administration(sql::postgres::Database& database)
    : database_(database),
      listener_(
          database.settings(), {kHintChannel},
          [this](const std::string& /*channel*/, const std::string& payload) { OnHint(payload); },
          [this] { OnTick(); }) {}

Administration::~Administration() { Stop(); }

void Administration::Start() { listener_.Start(); }
void Administration::Stop() { listener_.Stop(); }

Status Administration::Write(const sql::postgres::Database::Job& job) {
  return Persistently(database_, [&] { return database_.Write(job); });
}

Status Administration::Read(const sql::postgres::Database::Job& job) {
  return Persistently(database_, [&] { return database_.Read(job); });
}

Status Administration::Ensure(const ports::QueueSpec& spec) {
  return Write([&](Transaction& transaction) -> Status {
    ASYA_TRY(const auto made,
             transaction.Execute("INSERT INTO queues(name, owner_uid) VALUES($1, $2) ON CONFLICT DO NOTHING",
                                 Parameters().Add(spec.name).Add(spec.owner_uid)));
    if (made.affected() == 1) return Notify(transaction, spec.name, kQueueChanged);
    ASYA_TRY(const auto found,
             transaction.Execute("SELECT owner_uid FROM queues WHERE name = $1", Parameters().Add(spec.name)));
    if (!found.empty() && found.View(0, 0) == spec.owner_uid) return Ok();
    return Fail(ErrorCode::kConflict, "queue " + spec.name + " belongs to another owner");
  });
}

Status Administration::Remove(const std::string& name, bool force) {
  return Write([&](Transaction& transaction) -> Status {
    // FOR UPDATE waits for publishers that hold the queue, so that none adds a message after the count.
    ASYA_TRY(const auto queue,
             transaction.Execute("SELECT id FROM queues WHERE name = $1 FOR UPDATE", Parameters().Add(name)));
    if (queue.empty()) return Ok();
    const std::int64_t id = queue.Int(0, 0);
    ASYA_TRY(const auto held,
             transaction.Execute("SELECT count(*) FROM messages WHERE queue_id = $1", Parameters().Add(id)));
    if (held.Int(0, 0) > 0 && !force) {
      return Fail(ErrorCode::kConflict, "queue " + name + " holds " + held.Text(0, 0) + " messages");
    }
    for (const char* statement :
         // Messages before bodies, as consumers do: nobody waits for another crosswise.
         {"WITH gone AS (DELETE FROM messages WHERE queue_id = $1 RETURNING id) "
          "DELETE FROM bodies b USING gone WHERE b.id = gone.id",
          "DELETE FROM queue_totals WHERE queue_id = $1", "DELETE FROM queues WHERE id = $1"}) {
      ASYA_TRY(const auto removed, transaction.Execute(statement, Parameters().Add(id)));
      static_cast<void>(removed);
    }
    return Notify(transaction, name, kQueueChanged);
  });
}

Result<ports::QueueStats> Administration::Stats(const std::string& name) {
  ASYA_TRY(
      const auto rows,
      database_.Query("SELECT states.*, (SELECT sum(arrived) FROM queue_totals t WHERE t.queue_id = q.id)::bigint, "
                      "(SELECT sum(settled) FROM queue_totals t WHERE t.queue_id = q.id)::bigint FROM queues q, "
                      "LATERAL (SELECT " ASYA_STATES " FROM messages WHERE queue_id = q.id) AS states "
                      "WHERE q.name = $1",
                      Parameters().Add(name)));
  if (rows.empty()) return Fail(ErrorCode::kNotFound, "there is no queue " + name);
  ports::QueueStats stats = ReadStates(rows, 0, 0);
  stats.arrived_total = rows.Int(0, 4);
  stats.settled_total = rows.Int(0, 5);
  return stats;
}

Result<std::vector<std::pair<std::string, ports::QueueStats>>> Administration::AllStats(std::size_t limit) {
  ASYA_TRY(const auto rows, database_.Query("SELECT states.*, q.name FROM queues q LEFT JOIN (SELECT " ASYA_STATES
                                            ", queue_id, count(*) AS held FROM messages GROUP BY queue_id) AS states "
                                            "ON states.queue_id = q.id ORDER BY held DESC NULLS LAST, q.name LIMIT $1",
                                            Parameters().Add(static_cast<std::int64_t>(limit))));
  std::vector<std::pair<std::string, ports::QueueStats>> all;
  for (std::size_t row = 0; row < rows.size(); ++row) all.emplace_back(rows.Text(row, 6), ReadStates(rows, row, 0));
  return all;
}

Result<std::vector<std::string>> Administration::List() {
  std::vector<std::string> names;
  ASYA_TRY_STATUS(Read([&](Transaction& transaction) -> Status {
    ASYA_TRY(const auto rows, transaction.Execute("SELECT name FROM queues ORDER BY name"));
    names.clear();
    for (std::size_t row = 0; row < rows.size(); ++row) names.push_back(rows.Text(row, 0));
    return Ok();
  }));
  return names;
}

Status Administration::Publish(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds /*timeout*/) {
  return Write([&](Transaction& transaction) { return PublishInTransaction(transaction, messages); });
}

std::shared_ptr<void> Administration::SubscribeHints(std::function<void(const std::string& queue)> on_work) {
  const std::lock_guard lock(mutex_);
  const auto place = subscribers_.insert(subscribers_.end(), std::move(on_work));
  return {static_cast<void*>(this), [this, place](void*) {
            const std::lock_guard ending(mutex_);
            subscribers_.erase(place);
          }};
}

void Administration::OnHint(const std::string& payload) {
  const Hint hint = ParseHint(payload);
  if (hint.delay_ms == 0) Tell(hint.queue);
}

void Administration::OnTick() {
  {
    const std::lock_guard lock(mutex_);
    if (subscribers_.empty()) return;
  }
  // What was notified while nobody listened is lost, and nothing is notified when a delay or a lease ends.
  std::vector<std::string> names;
  const Status read = database_.Read([&](Transaction& transaction) -> Status {
    ASYA_TRY(
        const auto rows,
        transaction.Execute("SELECT name FROM queues q WHERE EXISTS (SELECT 1 FROM messages m WHERE m.queue_id = q.id "
                            "AND m.visible_at <= now() AND (m.leased_until IS NULL OR m.leased_until <= now()))"));
    for (std::size_t row = 0; row < rows.size(); ++row) names.push_back(rows.Text(row, 0));
    return Ok();
  });
  // Without the database there is nothing to tell; the next tick looks again.
  if (!read.ok()) return;
  for (const auto& name : names) Tell(name);
}

void Administration::Tell(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  for (const auto& subscriber : subscribers_) subscriber(queue);
}

}  // namespace asya::transports::postgres
