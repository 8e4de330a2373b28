#include <chrono>

#include "bench/transports/echo.h"
#include "bench/transports/measure.h"
#include "core/base/random.h"
#include "transports/postgres/administration.h"
#include "transports/postgres/consumer.h"
#include "transports/postgres/tables.h"

namespace asya::bench {
namespace {

using sql::postgres::Database;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

sql::postgres::Settings SettingsOf(const std::string& dsn) {
  sql::postgres::Settings settings;
  settings.dsn = dsn;
  settings.connections = 1;
  return settings;
}

// Each transaction that writes has one; this one too.
Result<std::int64_t> NextTransaction(Database& database) {
  ASYA_TRY(const Rows rows, database.Query("SELECT pg_current_xact_id()::text", {}));
  return rows.Int(0, 0);
}

Status FillQueues(Database& database) {
  transports::postgres::Administration queues(database);
  for (const char* name : {"asya-bench-in", "asya-bench-next"}) {
    ASYA_TRY_STATUS(queues.Remove(name, true));
    ASYA_TRY_STATUS(queues.Ensure({name, "bench"}));
  }
  const std::vector<ports::Outgoing> messages(kHops, {"asya-bench-in", std::string(kBodyBytes, 'x'), "id"});
  return queues.Publish(messages, kPatience);
}

// Reads the next messages of the first queue, removes them and adds them to the second. Returns how many.
Result<std::int64_t> RunRawBatch(Transaction& transaction, std::int64_t batch) {
  ASYA_TRY(const Rows found,
           transaction.Execute("SELECT id, body FROM raw_messages WHERE queue_id = 1 ORDER BY visible_at, id LIMIT $1 "
                               "FOR UPDATE SKIP LOCKED",
                               Parameters().Add(batch)));
  std::vector<std::int64_t> ids;
  std::vector<std::string> bodies;
  for (std::size_t row = 0; row < found.size(); ++row) {
    ids.push_back(found.Int(row, 0));
    bodies.push_back(found.Bytes(row, 1));
  }
  ASYA_TRY(const Rows removed,
           transaction.Execute("DELETE FROM raw_messages WHERE id = ANY($1::bigint[])", Parameters().Add(ids)));
  ASYA_TRY(const Rows added, transaction.Execute("INSERT INTO raw_messages(queue_id, body) "
                                                 "SELECT 2, body FROM unnest($1::bytea[]) AS added(body)",
                                                 Parameters().AddBytes({bodies.begin(), bodies.end()})));
  return static_cast<std::int64_t>(ids.size());
}

}  // namespace

Result<Hops> PostgresHops(const std::string& dsn, std::size_t credits) {
  ASYA_TRY(const auto database, Database::Open(SettingsOf(dsn), transports::postgres::Migrations()));
  ASYA_TRY_STATUS(FillQueues(*database));
  Random random(1);
  transports::postgres::ConsumerSettings settings;
  settings.database = SettingsOf(dsn);
  settings.queue = "asya-bench-in";
  transports::postgres::Consumer consumer(settings, RealClock(), random);
  Echo echo(consumer, credits);
  ASYA_TRY(const std::int64_t first, NextTransaction(*database));
  const auto began = std::chrono::steady_clock::now();
  consumer.Start(echo);
  const bool finished = echo.WaitAll();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  ASYA_TRY(const std::int64_t last, NextTransaction(*database));
  consumer.Stop(std::chrono::seconds(1));
  if (!finished) return Fail(ErrorCode::kTimeout, "the hops did not finish");
  return Hops{kHops / took.count(), double{kHops} / static_cast<double>(last - first - 1)};
}

Result<Hops> RawPostgresHops(const std::string& dsn, const RawWork& work) {
  ASYA_TRY(const auto database, Database::Open(SettingsOf(dsn), {}));
  ASYA_TRY_STATUS(database->Write([&](Transaction& transaction) {
    return transaction.Script(
        "DROP TABLE IF EXISTS raw_messages;"
        "CREATE TABLE raw_messages(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue_id bigint NOT NULL, "
        "visible_at timestamptz NOT NULL DEFAULT now(), body bytea NOT NULL);"
        "CREATE INDEX ON raw_messages(queue_id, visible_at, id);"
        "INSERT INTO raw_messages(queue_id, body) SELECT 1, convert_to(repeat('x', " +
        std::to_string(work.body_bytes) + "), 'UTF8') FROM generate_series(1, " + std::to_string(work.hops) + ")");
  }));
  const auto began = std::chrono::steady_clock::now();
  int commits = 0;
  for (std::int64_t left = work.hops; left > 0; ++commits) {
    std::int64_t done = 0;
    ASYA_TRY_STATUS(database->Write([&](Transaction& transaction) -> Status {
      ASYA_TRY(done, RunRawBatch(transaction, static_cast<std::int64_t>(work.batch)));
      return Ok();
    }));
    if (done == 0) return Fail(ErrorCode::kInternal, "messages are missing");
    left -= done;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  return Hops{work.hops / took.count(), static_cast<double>(work.hops) / commits};
}

}  // namespace asya::bench
