#include "core/sql/sqlite/connection.h"

#include <sqlite3.h>

#include <chrono>
#include <utility>

namespace asya::sql::sqlite {
namespace {

constexpr std::size_t kStatementsMax = 256;

ErrorCode CodeOf(int code) {
  switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
      return ErrorCode::kInvalid;
    case SQLITE_CONSTRAINT:
      return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID
                 ? ErrorCode::kExists
                 : ErrorCode::kConflict;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
      return ErrorCode::kUnavailable;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return ErrorCode::kForbidden;
    case SQLITE_TOOBIG:
      return ErrorCode::kTooLarge;
    case SQLITE_INTERRUPT:
      return ErrorCode::kClosed;
    default:  // an int of the library, not an enum of ours
      return ErrorCode::kInternal;
  }
}

}  // namespace

Error TranslateError(int code, const std::string& path, const char* detail) {
  return Fail(CodeOf(code), path + ": " + detail + " (SQLite code " + std::to_string(code) + ")");
}

Result<std::unique_ptr<Connection>> Connection::Open(const std::string& path, Mode mode) {
  // Counting its memory, which nobody asks for, costs SQLite a lock of the whole process with each allocation. Too late
  // where something else has opened a database before; then it counts on.
  static const int uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(uncounted);
  sqlite3* handle = nullptr;
  const int flags = mode == Mode::kWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  // NOMUTEX: the pool and the writer already give a connection to one thread at a time.
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Connection> connection(new Connection(handle, path));
  if (handle == nullptr) return Fail(ErrorCode::kUnavailable, path + ": out of memory");
  sqlite3_extended_result_codes(handle, 1);
  if (code != SQLITE_OK) return connection->LastError(sqlite3_extended_errcode(handle));
  // SQLite falls back to reading when it may not write; that would only show at the first write.
  if (mode == Mode::kWrite && sqlite3_db_readonly(handle, "main") == 1) {
    return Fail(ErrorCode::kForbidden, path + ": cannot be opened for writing: it is read-only for this user");
  }
  return connection;
}

Connection::~Connection() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(static_cast<sqlite3_stmt*>(statement->handle_));
  statements_.clear();
  sqlite3_close_v2(handle_);
}

Result<Statement*> Connection::Prepare(const char* sql) {
  auto found = statements_.find(std::string_view(sql));
  if (found == statements_.end()) {
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    if (code != SQLITE_OK) return LastError(code);
    found = statements_.emplace(sql, std::unique_ptr<Statement>(new Statement(*this, handle))).first;
  }
  Statement& statement = *found->second;
  statement.Reset();
  Touch(statement);
  return &statement;
}

void Connection::Touch(Statement& statement) {
  if (statement.touched_) return;
  statement.touched_ = true;
  touched_.push_back(&statement);
}

void Connection::ResetTouched() {
  for (Statement* statement : touched_) {
    statement->Reset();
    statement->touched_ = false;
  }
  touched_.clear();
  if (statements_.size() <= kStatementsMax) return;
  for (auto& [sql, statement] : statements_) sqlite3_finalize(static_cast<sqlite3_stmt*>(statement->handle_));
  statements_.clear();
}

Status Connection::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return LastError(code);
  return Ok();
}

Status Connection::Run(const char* sql) {
  ASYA_TRY(auto* const statement, Prepare(sql));
  return statement->Run();
}

Result<std::string> Connection::Scalar(const std::string& sql) {
  sqlite3_stmt* handle = nullptr;
  int code = sqlite3_prepare_v2(handle_, sql.c_str(), -1, &handle, nullptr);
  if (code != SQLITE_OK) return LastError(code);
  std::string value;
  code = sqlite3_step(handle);
  if (code == SQLITE_ROW) {
    const auto* text = sqlite3_column_text(handle, 0);
    if (text != nullptr) value = reinterpret_cast<const char*>(text);
  }
  const int end = sqlite3_finalize(handle);
  if (code != SQLITE_ROW && code != SQLITE_DONE) return LastError(end);
  return value;
}

bool Connection::InTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }
std::int64_t Connection::Changes() const { return sqlite3_changes64(handle_); }
std::int64_t Connection::TotalChanges() const { return sqlite3_total_changes64(handle_); }
std::int64_t Connection::LastInsertId() const { return sqlite3_last_insert_rowid(handle_); }

Error Connection::LastError(int code) const { return TranslateError(code, path_, sqlite3_errmsg(handle_)); }

}  // namespace asya::sql::sqlite
