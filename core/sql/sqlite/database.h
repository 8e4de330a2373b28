// Database: one SQLite file owned by this process: a writer thread with group commit, and a pool of readers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace asya::sql::sqlite {

class Connection;  // wraps sqlite3*, private to core/sql/sqlite

// A prepared statement of one connection, kept in the connection's cache. Columns and parameters count from 0 and 1
// as SQLite does.
class Statement {
 public:
  Statement& Bind(int index, std::int64_t value);
  Statement& Bind(int index, std::string_view text);       // TEXT, copied
  Statement& BindBlob(int index, std::string_view bytes);  // BLOB, not copied: must live until Run/Step/Reset
  Statement& BindNull(int index);
  // Runs to the end and resets; ok(true) per row is read by Step instead.
  Status Run();
  // true: a row is there; false: done (and reset).
  Result<bool> Step();
  [[nodiscard]] std::int64_t Int(int column) const;
  [[nodiscard]] std::string Text(int column) const;          // also for BLOB
  [[nodiscard]] std::string_view View(int column) const;     // valid until the next Step/Reset
  [[nodiscard]] bool IsNull(int column) const;
  void Reset();

 private:
  friend class Connection;
  explicit Statement(void* handle) : handle_(handle) {}
  void* handle_;  // sqlite3_stmt*
};

// What a job of the writer or of a reader works on.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}
  // The cached statement for this SQL, reset and without bindings. `sql` must be a literal.
  Result<Statement*> Prepare(const char* sql);
  // Runs one or several statements without results, for schema work.
  Status Execute(const std::string& sql);
  [[nodiscard]] std::int64_t Changes() const;       // rows changed by the last statement
  [[nodiscard]] std::int64_t LastInsertId() const;

 private:
  Connection& connection_;
};

struct Settings {
  std::string path;
  std::chrono::milliseconds busy_timeout{5000};
  std::size_t readers = 4;
  std::size_t write_queue_limit = 4096;  // jobs that may wait for the writer
  std::size_t batch_limit = 512;         // jobs in one commit
  bool synchronous_full = true;          // false only for measurements
};

// One step of a versioned schema.
struct Migration {
  std::string component;   // "storage", "transports"; each counts its own versions
  std::int64_t version;    // 1, 2, …
  std::string sql;
};

class Database {
 public:
  // Opens (creates) the file with WAL and synchronous=FULL, takes an exclusive lock file `{path}.lock` (kConflict:
  // another process owns it),
  // runs migrations, starts the writer. A file that is no database or is broken: kInvalid with the path.
  static Result<std::unique_ptr<Database>> Open(const Settings& settings, const std::vector<Migration>& migrations);
  virtual ~Database() = default;

  // A job sees all earlier jobs. It runs inside its own savepoint: an error rolls back this job alone. Jobs that wait
  // together are
  // committed together; `done` is called (on the writer thread, must not block) after the commit is durable, or with
  // the error.
  using Job = std::function<Status(Transaction&)>;
  using Done = std::function<void(Status)>;
  // kTooMany when the queue is full.
  virtual Status Submit(Job job, Done done) = 0;
  // Submit and wait. Must not be called on the writer thread.
  virtual Status Write(const Job& job) = 0;
  // Runs on a read connection in one snapshot. Blocking.
  virtual Status Read(const Job& job) = 0;
  // Called on the writer thread after every successful commit that changed something, before the `done`s of its jobs.
  // Set once, before the first Submit.
  virtual void OnCommit(std::function<void()> hook) = 0;
  // Finishes waiting jobs, checkpoints, closes. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace asya::sql::sqlite
