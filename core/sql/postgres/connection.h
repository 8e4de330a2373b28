// Connection: one session with PostgreSQL and the statements prepared in it.
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <unordered_map>

#include "core/sql/postgres/database.h"

namespace asya::sql::postgres {

// The error of what the library threw, without statement texts or values.
Error TranslateError(const std::exception& failure);
// Never kNone.
Failure FailureOf(const std::exception& failure);

class Connection {
 public:
  // kUnavailable, also for a wrong password, a missing database or a server that is too old: the message tells.
  static Result<std::unique_ptr<Connection>> Open(const Settings& settings);

  // The name of the prepared statement for this text.
  const std::string& Prepare(const char* sql);
  [[nodiscard]] pqxx::connection& session() { return session_; }

 private:
  explicit Connection(const std::string& dsn) : session_(dsn) {}
  pqxx::connection session_;
  std::unordered_map<const char*, std::string> prepared_;  // by address: the texts are literals
};

}  // namespace asya::sql::postgres
