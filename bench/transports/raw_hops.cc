#include <chrono>

#include "bench/transports/measure.h"
#include "core/sql/sqlite/connection.h"

namespace asya::bench {
namespace {

using sql::sqlite::Connection;
using sql::sqlite::Statement;

Status Prepare(Connection& connection, const RawWork& work) {
  ASYA_TRY(const std::string mode, connection.Scalar("PRAGMA journal_mode=WAL"));
  if (mode != "wal") return Fail(ErrorCode::kUnavailable, "no WAL");
  ASYA_TRY_STATUS(
      connection.Execute("PRAGMA synchronous=FULL; PRAGMA cache_size=-4096; PRAGMA wal_autocheckpoint=2000;"
                         "DROP TABLE IF EXISTS messages;"
                         "CREATE TABLE messages(id INTEGER PRIMARY KEY, enqueued_at_us INTEGER NOT NULL, visible_at_us "
                         "INTEGER NOT NULL DEFAULT 0,"
                         " crash_count INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL) STRICT; BEGIN"));
  const std::string body(work.body_bytes, 'x');
  for (std::int64_t id = 1; id <= work.hops; ++id) {
    ASYA_TRY(Statement* const insert,
             connection.Prepare("INSERT INTO messages(id, enqueued_at_us, body) VALUES(?, ?, ?)"));
    ASYA_TRY_STATUS(insert->Bind(1, id).Bind(2, id).BindBlob(3, body).Run());
  }
  return connection.Execute("COMMIT");
}

// Reads a message of the first queue, removes it and adds it to the second.
Status Hop(Connection& connection, std::int64_t id) {
  ASYA_TRY(Statement* const read, connection.Prepare("SELECT body, crash_count FROM messages WHERE id = ?"));
  read->Bind(1, id);
  ASYA_TRY(const bool there, read->Step());
  if (!there) return Fail(ErrorCode::kInternal, "a message is missing");
  const std::string body = read->Text(0);
  read->Reset();
  ASYA_TRY(Statement* const removed, connection.Prepare("DELETE FROM messages WHERE id = ?"));
  ASYA_TRY_STATUS(removed->Bind(1, id).Run());
  ASYA_TRY(Statement* const insert,
           connection.Prepare("INSERT INTO messages(id, enqueued_at_us, body) VALUES(?, ?, ?)"));
  return insert->Bind(1, (std::int64_t{1} << 40) + id).Bind(2, id).BindBlob(3, body).Run();
}

}  // namespace

Result<Hops> RawHops(const std::string& folder, const RawWork& work) {
  ASYA_TRY(const auto connection, Connection::Open(folder + "/raw.db", Connection::Mode::kWrite));
  ASYA_TRY_STATUS(Prepare(*connection, work));
  const auto began = std::chrono::steady_clock::now();
  int commits = 0;
  for (std::int64_t id = 1; id <= work.hops; ++commits) {
    ASYA_TRY_STATUS(connection->Execute("BEGIN IMMEDIATE"));
    for (std::size_t i = 0; i < work.batch && id <= work.hops; ++i) ASYA_TRY_STATUS(Hop(*connection, id++));
    ASYA_TRY_STATUS(connection->Execute("COMMIT"));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  return Hops{work.hops / took.count(), static_cast<double>(work.hops) / commits};
}

}  // namespace asya::bench
