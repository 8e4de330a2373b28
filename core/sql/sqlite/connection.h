// Connection: one SQLite connection with its statement cache, used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "core/sql/sqlite/database.h"

struct sqlite3;

namespace asya::sql::sqlite {

class Connection {
 public:
  enum class Mode { kWrite, kRead };

  // Opens the file, creating it in kWrite. Errors name the path.
  static Result<std::unique_ptr<Connection>> Open(const std::string& path, Mode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<Statement*> Prepare(const char* sql);
  // Runs one statement without parameters and results, kept prepared.
  Status Run(const char* sql);
  Status Execute(const std::string& sql);
  // First column of the first row of a query, for pragmas.
  Result<std::string> Scalar(const std::string& sql);
  // Ends every use of a statement, so that none keeps a snapshot or a caller's bytes; and bounds the cache.
  void ResetTouched();
  // False after SQLite rolled the transaction back by itself (disk full).
  [[nodiscard]] bool InTransaction() const;
  [[nodiscard]] std::int64_t Changes() const;
  [[nodiscard]] std::int64_t TotalChanges() const;
  [[nodiscard]] std::int64_t LastInsertId() const;
  // The error of the last call on this connection in our terms.
  [[nodiscard]] Error LastError(int code) const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  friend class Statement;
  // Lets a statement be looked up without a copy of its text.
  struct SqlHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view sql) const { return std::hash<std::string_view>()(sql); }
  };
  Connection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  void Touch(Statement& statement);

  sqlite3* handle_;
  std::string path_;
  std::unordered_map<std::string, std::unique_ptr<Statement>, SqlHash, std::equal_to<>> statements_;
  std::vector<Statement*> touched_;
};

// What a SQLite result code (primary or extended) means to callers.
Error TranslateError(int code, const std::string& path, const char* detail);

}  // namespace asya::sql::sqlite
