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

namespace asya::observe {
class Metrics;
}  // namespace asya::observe

namespace asya::sql::sqlite {

class Connection;  // wraps sqlite3*, private to core/sql/sqlite

// A prepared statement of one connection, kept in the connection's cache. Columns and parameters count from 0 and 1
// as SQLite does. An error of Bind is kept and returned by the next Run or Step.
class Statement {
 public:
  Statement& Bind(int index, std::int64_t value);
  Statement& Bind(int index, std::string_view text);       // TEXT, copied
  Statement& BindBlob(int index, std::string_view bytes);  // BLOB, not copied: must live until Run/Step/Reset
  Statement& BindKept(int index, std::string_view text);   // TEXT, not copied, as BindBlob
  Statement& BindNull(int index);
  // Runs to the end and resets; ok(true) per row is read by Step instead.
  Status Run();
  // true: a row is there; false: done (and reset).
  Result<bool> Step();
  [[nodiscard]] std::int64_t Int(int column) const;
  [[nodiscard]] std::string Text(int column) const;       // also for BLOB
  [[nodiscard]] std::string_view View(int column) const;  // valid until the next Step/Reset
  [[nodiscard]] bool IsNull(int column) const;
  void Reset();

 private:
  friend class Connection;
  Statement(Connection& connection, void* handle) : connection_(connection), handle_(handle) {}
  void Note(int code);

  Connection& connection_;
  void* handle_;          // sqlite3_stmt*
  int bind_error_ = 0;    // the first one since Reset
  bool clean_ = true;     // reset, and without bindings
  bool touched_ = false;  // used since the connection's last ResetTouched
};

// What a job of the writer or of a reader works on.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}
  // The cached statement for this SQL, reset and without bindings; valid until the job ends. Asking again for the same
  // SQL resets the first use of it. `sql` should be a literal: the cache is bounded, and text that differs each time
  // empties it.
  Result<Statement*> Prepare(const char* sql);
  // Runs one or several statements without results, for schema work.
  Status Execute(const std::string& sql);
  [[nodiscard]] std::int64_t Changes() const;  // rows changed by the last statement
  [[nodiscard]] std::int64_t LastInsertId() const;
  // Of a job of the writer: grows whenever something was undone that earlier jobs wrote, or this one when it ran
  // before. What a job remembers of the file for later ones holds as long as it stays the same.
  [[nodiscard]] std::uint64_t undone() const { return undone_; }
  // Runs `action` on the writer thread once this job is durable: in the order of the jobs, before their `done`s; never
  // when the job is rolled back. Must not block. In a read it is ignored.
  void AfterCommit(std::function<void()> action) { after_commit_.push_back(std::move(action)); }

 private:
  friend class Writer;
  Connection& connection_;
  bool executed_ = false;  // by Execute
  std::uint64_t undone_ = 0;
  std::vector<std::function<void()>> after_commit_;
};

struct Settings {
  std::string path;  // its folder must exist
  std::chrono::milliseconds busy_timeout{5000};
  std::size_t readers = 4;
  std::size_t write_queue_limit = 4096;  // jobs that may wait for the writer
  std::size_t batch_limit = 512;         // jobs in one commit
  bool synchronous_full = true;          // false only for measurements
  std::size_t writer_cache_kib = 4096;   // page cache of the writer
  std::size_t reader_cache_kib = 512;    // page cache of each reader
  observe::Metrics* metrics = nullptr;   // must outlive the database; none: nothing is counted
  std::size_t checkpoint_pages = 2000;   // WAL pages (4 KiB each) after which the writer moves them into the file
};

// One step of a versioned schema.
struct Migration {
  std::string component;  // "storage", "transports"; each counts its own versions
  std::int64_t version;   // 1, 2, …
  std::string sql;
};

// A read connection of its own, for a caller that must not wait for the other readers. One thread at a time; destroy it
// before the database is stopped.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual Status Read(const std::function<Status(Transaction&)>& job) = 0;
};

class Database {
 public:
  // Opens (creates) the file with WAL and synchronous=FULL, takes an exclusive lock file `{path}.lock` (kConflict:
  // another process owns it), runs migrations, starts the writer. A file that is no database, is broken, is not ours or
  // was written by a newer version: kInvalid with the path. A folder or file that cannot be written: kForbidden.
  static Result<std::unique_ptr<Database>> Open(const Settings& settings, const std::vector<Migration>& migrations);
  virtual ~Database() = default;

  // A job sees all earlier jobs, and an error rolls back this job alone. It may be run twice: when another job of its
  // batch fails half done, all is rolled back and each runs again in its own savepoint; what it keeps outside the
  // database must allow that. Jobs that wait together are committed together; `done` is called (on the writer thread,
  // must not block) after the commit is durable, or with the error. kUnavailable: the disk is full or fails; nothing of
  // the job is visible, and the writer goes on with the next batch.
  using Job = std::function<Status(Transaction&)>;
  using Done = std::function<void(Status)>;
  // kTooMany when the queue is full, kClosed after Stop; `done` is then not called.
  virtual Status Submit(Job job, Done done) = 0;
  // Submit (waiting for room in the queue) and wait for the outcome. Must not be called on the writer thread.
  virtual Status Write(const Job& job) = 0;
  // Runs on a read connection in one snapshot. Blocking.
  virtual Status Read(const Job& job) = 0;
  virtual std::unique_ptr<Reader> NewReader() = 0;
  // Called on the writer thread after every successful commit that changed something, before the `done`s of its jobs.
  // Set once, before the first Submit.
  virtual void OnCommit(std::function<void()> hook) = 0;
  // Finishes waiting jobs and reads, checkpoints, closes, releases the lock. Idempotent. The destructor does it too.
  virtual void Stop() = 0;
};

}  // namespace asya::sql::sqlite
