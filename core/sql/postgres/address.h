// Address: where a database is, without the credentials for it; what logs and errors may show.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.h"

namespace asya::sql::postgres {

struct Address {
  std::string host;  // of a Unix socket: the folder
  std::int64_t port = 5432;
  std::string database;
  // "PostgreSQL at host:port, database d".
  [[nodiscard]] std::string Text() const;
};

// From a libpq URI or connection string; what it leaves out comes from the environment and libpq's defaults.
// kInvalid without a word of the text itself: https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING
Result<Address> ReadAddress(const std::string& dsn);

}  // namespace asya::sql::postgres
