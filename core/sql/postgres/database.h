// Database: one PostgreSQL database behind a bounded pool of connections; jobs run in transactions with deadlines.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace asya::sql::postgres {

class Connection;  // wraps the library's connection, private to core/sql/postgres

// The values of $1, $2, … in order. Text must not hold a NUL byte (kInvalid when it is run).
class Parameters {
 public:
  Parameters& Add(std::int64_t value);
  Parameters& Add(std::string_view text);
  Parameters& Add(const char* text) { return Add(std::string_view(text)); }
  Parameters& AddNull();
  // Whole columns, for unnest($1::text[]).
  Parameters& Add(const std::vector<std::string>& texts);
  Parameters& Add(const std::vector<std::int64_t>& values);
  // A column of bytea, each of any bytes, for unnest($3::bytea[]). They travel as they are, not as text, and come after
  // all other parameters.
  Parameters& AddBytes(const std::vector<std::string_view>& values);

 private:
  friend class Transaction;
  std::vector<std::optional<std::string>> values_;
  std::vector<std::string> binary_;
};

// All rows of one statement, in memory; cheap to copy. Rows and columns count from 0.
class Rows {
 public:
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }
  // Rows inserted, updated or deleted.
  [[nodiscard]] std::int64_t affected() const;
  [[nodiscard]] std::int64_t Int(std::size_t row, int column) const;  // 0 for NULL
  [[nodiscard]] std::string Text(std::size_t row, int column) const { return std::string(View(row, column)); }
  [[nodiscard]] std::string_view View(std::size_t row, int column) const;  // lives as long as these rows
  [[nodiscard]] std::string Bytes(std::size_t row, int column) const;      // of a bytea
  [[nodiscard]] bool IsNull(std::size_t row, int column) const;

 private:
  friend class Transaction;
  struct Content;
  std::shared_ptr<const Content> content_;
};

// What a failed statement means for its transaction and its connection.
enum class Failure {
  kNone,
  kStatement,  // the transaction is lost
  kTransient,  // the same, and running it again may succeed
  kLost,       // the connection is lost too
};

// What a job works on. After a failed statement the transaction is lost: return the error.
class Transaction {
 public:
  Transaction(Connection& connection, void* handle) : connection_(connection), handle_(handle) {}
  // Whether a statement has succeeded: if none has, running the job again repeats nothing.
  [[nodiscard]] bool begun() const { return begun_; }
  // Of the first statement that failed.
  [[nodiscard]] Failure failure() const { return failure_; }
  // Runs one statement, prepared once a connection. `sql` must be a literal.
  Result<Rows> Execute(const char* sql, const Parameters& parameters = {});
  // Runs one or several statements without parameters or results, for schema work.
  Status Script(const std::string& sql);

 private:
  Connection& connection_;
  void* handle_;  // the library's transaction
  Failure failure_ = Failure::kNone;
  bool begun_ = false;
};

struct Settings {
  std::string dsn;  // libpq connection string or URI; never part of an error
  std::string application_name = "asya";
  std::size_t connections = 8;  // open at most
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds borrow_timeout{5000};       // waiting for a free connection
  std::chrono::milliseconds statement_timeout{10'000};  // one statement, in the server
  std::chrono::milliseconds network_timeout{15'000};    // unacknowledged bytes on a dead network
  std::chrono::milliseconds job_timeout{20'000};        // one job with all its statements; then the connection is cut
  std::chrono::milliseconds migration_timeout{3'600'000};  // all steps of a schema that are missing
  bool hide_loss = true;                                   // a connection that was lost in the pool is replaced unseen
  // For a few statements that are run very often: each is planned once a connection, whatever its parameters, and reads
  // tables by their indexes, so that the plan is right also when a table has grown since.
  bool fixed_plans = false;
};

// One step of a versioned schema.
struct Migration {
  std::string component;  // "storage", "transports"; each counts its own versions
  std::int64_t version;   // 1, 2, …
  std::string sql;
};

class Database {
 public:
  // Runs migrations under an advisory lock, so that several processes may start at once. kUnavailable: no connection.
  // kInvalid: the schema was written by a newer version, or the connection string cannot be read.
  static Result<std::unique_ptr<Database>> Open(const Settings& settings, const std::vector<Migration>& migrations);
  virtual ~Database() = default;

  // May run more than once: after a deadlock, a few times; and when a pooled connection turns out to be lost before the
  // first statement.
  using Job = std::function<Status(Transaction&)>;
  // READ COMMITTED; committed when it returns ok. kTimeout: the outcome is unknown. kUnavailable: the database is away,
  // nothing happened.
  virtual Status Write(const Job& job) = 0;
  // REPEATABLE READ, READ ONLY: one snapshot.
  virtual Status Read(const Job& job) = 0;
  // One statement that only reads, in one round trip; it sees one snapshot. `sql` must be a literal.
  virtual Result<Rows> Query(const char* sql, const Parameters& parameters) = 0;
  // One statement that may write, in a transaction of its own and one round trip; again after a deadlock. kUnavailable:
  // it is unknown whether it was done, if the connection was lost. `sql` must be a literal.
  virtual Result<Rows> Call(const char* sql, const Parameters& parameters) = 0;
  [[nodiscard]] virtual const Settings& settings() const = 0;
};

}  // namespace asya::sql::postgres
