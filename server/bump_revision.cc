#include "server/bump_revision.h"

#include <filesystem>
#include <map>
#include <utility>

#include "core/base/clock.h"
#include "core/sql/sqlite/database.h"
#include "server/flags.h"
#include "server/postgres_database.h"
#include "storage/postgres/bump_revision.h"
#include "storage/postgres/schema.h"
#include "storage/sqlite/bump_revision.h"
#include "storage/sqlite/schema.h"

namespace asya::server {
namespace {

constexpr const char* kFile = "--database-file";

}  // namespace

std::vector<Error> ParseBumpOptions(const std::vector<std::string>& arguments, const Environment& environment,
                                    BumpOptions& options) {
  std::vector<Error> errors = ParseFlags(arguments, {{kFile, TextFlag(options.database_file)}});
  const auto url = environment.own.find(kDatabaseVariable);
  if (url != environment.own.end()) options.database_url = url->second;
  if (options.database_url.empty() == options.database_file.empty()) {
    errors.push_back(Invalid(kFile, options.database_url.empty()
                                        ? "is missing, and ASYA_DATABASE_URL: one of both is needed"
                                        : "is given, and ASYA_DATABASE_URL: only one of both is accepted"));
  } else if (!options.database_file.empty() && !std::filesystem::exists(options.database_file)) {
    errors.push_back(Invalid(kFile, "there is no file \"" + options.database_file + "\""));
  }
  return errors;
}

Result<ports::Revision> BumpRevision(const BumpOptions& options) {
  if (!options.database_file.empty()) {
    sql::sqlite::Settings settings;
    settings.path = options.database_file;
    ASYA_TRY(const auto database, sql::sqlite::Database::Open(settings, storage::sqlite::Migrations()));
    return storage::sqlite::BumpRevision(*database);
  }
  sql::postgres::Settings settings;
  settings.dsn = options.database_url;
  settings.application_name = "asya-server-bump-revision";
  ASYA_TRY(const auto database, OpenPostgres(settings, storage::postgres::Migrations(), RealClock()));
  return storage::postgres::BumpRevision(*database);
}

}  // namespace asya::server
