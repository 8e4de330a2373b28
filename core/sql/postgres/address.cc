#include "core/sql/postgres/address.h"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>

namespace asya::sql::postgres {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

std::string Find(const Options& options, std::string_view keyword) {
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (keyword == option->keyword && option->val != nullptr) return option->val;
  }
  return "";
}

bool IsUri(const std::string& dsn) { return dsn.rfind("postgres://", 0) == 0 || dsn.rfind("postgresql://", 0) == 0; }

// libpq ends the password at the first "@" or "/", and shows the rest as a host.
bool HasOpenPassword(const std::string& dsn) {
  const std::string_view before_query = std::string_view(dsn).substr(0, dsn.find('?'));
  return std::count(before_query.begin(), before_query.end(), '@') > 1;
}

constexpr const char* kAccepted =
    "postgres://USER:PASSWORD@HOST:PORT/DATABASE is accepted, with %40, %2F and %3A for @, / and : in a password";

}  // namespace

std::string Address::Text() const {
  return "PostgreSQL at " + host + ":" + std::to_string(port) + ", database " + database;
}

Result<Address> ReadAddress(const std::string& dsn) {
  const bool is_uri = IsUri(dsn);
  if (!is_uri && dsn.find("://") != std::string::npos) {
    return Invalid("", std::string("the address of the database is no PostgreSQL URL; ") + kAccepted);
  }
  char* complaint = nullptr;
  const Options given(PQconninfoParse(dsn.c_str(), &complaint));
  PQfreemem(complaint);  // it may quote what it complains about
  if (given == nullptr || (is_uri && HasOpenPassword(dsn))) {
    return Invalid("", std::string("the address of the database cannot be read; ") + kAccepted);
  }
  const Options defaults(PQconndefaults());
  const auto read = [&](std::string_view keyword) {
    std::string value = Find(given, keyword);
    return value.empty() ? Find(defaults, keyword) : value;
  };
  Address address;
  address.host = read("host");
  if (address.host.empty()) address.host = read("hostaddr");
  if (address.host.empty()) address.host = "/var/run/postgresql";
  const std::string port = read("port");
  std::from_chars(port.data(), port.data() + port.size(), address.port);
  address.database = read("dbname");
  if (address.database.empty()) address.database = read("user");
  return address;
}

}  // namespace asya::sql::postgres
