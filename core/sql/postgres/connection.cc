#include "core/sql/postgres/connection.h"

#include <utility>

#include "core/sql/postgres/cutter.h"

namespace asya::sql::postgres {
namespace {

// Both forms of a connection string take further settings at their end.
std::string WithDeadlines(const Settings& settings) {
  const bool is_uri = settings.dsn.find("://") != std::string::npos;
  std::string dsn = settings.dsn;
  char separator = is_uri ? (dsn.find('?') == std::string::npos ? '?' : '&') : ' ';
  const auto add = [&](const std::string& key, const std::string& value) {
    dsn += separator + key + "=" + value;
    if (is_uri) separator = '&';
  };
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(settings.connect_timeout).count();
  add("connect_timeout", std::to_string(seconds));
  add("tcp_user_timeout", std::to_string(settings.network_timeout.count()));
  add("application_name", settings.application_name);
  return dsn;
}

// The oldest that its makers still mend; the tests run on 15. https://www.postgresql.org/support/versioning/
constexpr int kServerVersionMin = 140000;
constexpr int kVersionsPerMajor = 10000;

// The high costs of what is disabled would have the compiler of queries run.
constexpr const char* kFixedPlans =
    "; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off";

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// https://www.postgresql.org/docs/15/errcodes-appendix.html
ErrorCode CodeOf(const std::string& sqlstate) {
  if (sqlstate == "23505") return ErrorCode::kExists;
  if (sqlstate == "57014") return ErrorCode::kTimeout;
  const std::string group = sqlstate.substr(0, 2);
  if (group == "23" || group == "40") return ErrorCode::kConflict;
  if (group == "22") return ErrorCode::kInvalid;
  // The tables, a function of them (as of a schema that is older than this program) or the right to them are gone: the
  // store is away, whoever asks; nobody may read that as "no such object".
  if (sqlstate == "42P01" || sqlstate == "42883" || sqlstate == "42501" || group == "3F" || group == "3D" ||
      group == "28") {
    return ErrorCode::kUnavailable;
  }
  if (group == "08" || group == "53" || group == "57" || group == "58" || group == "25") return ErrorCode::kUnavailable;
  if (group == "54") return ErrorCode::kTooLarge;
  return ErrorCode::kInternal;
}

}  // namespace

Error TranslateError(const std::exception& failure) {
  const std::string message = "PostgreSQL: " + FirstLine(failure.what());
  if (dynamic_cast<const pqxx::in_doubt_error*>(&failure) != nullptr) return Fail(ErrorCode::kTimeout, message);
  if (dynamic_cast<const pqxx::transaction_rollback*>(&failure) != nullptr) {
    return Fail(ErrorCode::kConflict, message);
  }
  if (dynamic_cast<const pqxx::broken_connection*>(&failure) != nullptr) return Fail(ErrorCode::kUnavailable, message);
  if (const auto* refused = dynamic_cast<const pqxx::sql_error*>(&failure)) {
    // Without a state it is the client's own, of an answer that did not come: pqxx knows only some losses as such.
    if (refused->sqlstate().empty()) return Fail(ErrorCode::kUnavailable, message);
    return Fail(CodeOf(refused->sqlstate()), message + " (SQLSTATE " + refused->sqlstate() + ")");
  }
  return Fail(ErrorCode::kInternal, message);
}

Failure FailureOf(const std::exception& failure) {
  if (dynamic_cast<const pqxx::transaction_rollback*>(&failure) != nullptr) return Failure::kTransient;
  if (const auto* refused = dynamic_cast<const pqxx::sql_error*>(&failure)) {
    const std::string group = refused->sqlstate().substr(0, 2);
    if (group == "40") return Failure::kTransient;
    return group == "57" || group == "08" || group.empty() ? Failure::kLost : Failure::kStatement;
  }
  return Failure::kLost;
}

Result<std::unique_ptr<Connection>> Connection::Open(const Settings& settings) {
  try {
    std::unique_ptr<Connection> connection(new Connection(WithDeadlines(settings)));
    if (const int version = connection->session_.server_version(); version < kServerVersionMin) {
      return Fail(ErrorCode::kUnavailable, "PostgreSQL " + std::to_string(version / kVersionsPerMajor) +
                                               " is too old; " + std::to_string(kServerVersionMin / kVersionsPerMajor) +
                                               " or newer is needed");
    }
    const Cutter::Watch watch(connection->session_.sock(), settings.connect_timeout);
    // One round trip; pqxx::connection::set_variable takes one each.
    pqxx::nontransaction(connection->session_)
        .exec("SET statement_timeout = " + std::to_string(settings.statement_timeout.count()) +
              "; SET idle_in_transaction_session_timeout = 60000; SET client_min_messages = warning" +
              (settings.fixed_plans ? kFixedPlans : ""));
    return connection;
  } catch (const std::exception& failure) {
    return Fail(ErrorCode::kUnavailable, TranslateError(failure).message);
  }
}

const std::string& Connection::Prepare(const char* sql) {
  const auto found = prepared_.find(sql);
  if (found != prepared_.end()) return found->second;
  const std::string name = "asya_" + std::to_string(prepared_.size());
  session_.prepare(name, sql);
  return prepared_.emplace(sql, name).first->second;
}

}  // namespace asya::sql::postgres
