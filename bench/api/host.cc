// The Kubernetes API alone, on a store that is asked for, for api measurements: bench_api_host sqlite|postgres FOLDER
// Serves plain HTTP on a free loopback port, which it writes into FOLDER/address; runs until SIGTERM.
// PostgreSQL is that of ASYA_TEST_POSTGRES, an empty database.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "apiserver/api_server.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/http/server.h"
#include "core/observe/log.h"
#include "core/sql/postgres/database.h"
#include "core/sql/sqlite/database.h"
#include "storage/postgres/object_store.h"
#include "storage/postgres/schema.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/schema.h"

namespace asya::bench {
namespace {

constexpr std::chrono::milliseconds kGrace{2000};

struct Store {
  std::unique_ptr<sql::sqlite::Database> file;
  std::unique_ptr<sql::postgres::Database> database;
  std::unique_ptr<ports::ObjectStore> objects;
};

Result<Store> OpenSqlite(const std::string& folder) {
  Store store;
  ASYA_TRY(store.file, sql::sqlite::Database::Open({.path = folder + "/store.db"}, storage::sqlite::Migrations()));
  auto objects = std::make_unique<storage::sqlite::ObjectStore>(*store.file, RealClock());
  ASYA_TRY_STATUS(objects->Start());
  store.objects = std::move(objects);
  return store;
}

Result<Store> OpenPostgres() {
  const char* dsn = std::getenv("ASYA_TEST_POSTGRES");
  if (dsn == nullptr) return Fail(ErrorCode::kInvalid, "ASYA_TEST_POSTGRES is not set");
  Store store;
  sql::postgres::Settings settings;
  settings.dsn = dsn;
  ASYA_TRY(store.database, sql::postgres::Database::Open(settings, storage::postgres::Migrations()));
  auto objects = std::make_unique<storage::postgres::ObjectStore>(*store.database, RealClock());
  ASYA_TRY_STATUS(objects->Start());
  store.objects = std::move(objects);
  return store;
}

Status Serve(const std::string& engine, const std::string& folder) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const observe::Logger logger = observe::Logger::ToStderr("bench", observe::Level::kWarning);
  ASYA_TRY(const Store store, engine == "postgres" ? OpenPostgres() : OpenSqlite(folder));
  Random random(SystemSeed());
  apiserver::ApiServer::Parts parts{*store.objects, RealClock(), random, logger, nullptr, {}, {}, {}, {}, {}};
  apiserver::ApiServer api(std::move(parts), {});
  ASYA_TRY_STATUS(api.Start());
  http::Listen listen;
  listen.tcp = {"127.0.0.1", 0};
  ASYA_TRY(const auto server, http::Server::Create(
                                  std::move(listen), {},
                                  [&api](http::Request request, http::Responder responder) {
                                    api.Handle(std::move(request), std::move(responder));
                                  },
                                  logger, nullptr));
  server->Start();
  std::ofstream(folder + "/address.part") << server->address();
  std::filesystem::rename(folder + "/address.part", folder + "/address");
  int signal = 0;
  ::sigwait(&signals, &signal);
  api.Stop();
  server->Stop(kGrace);
  return Ok();
}

}  // namespace
}  // namespace asya::bench

int main(int count, char** words) {
  if (count != 3) {
    std::fprintf(stderr, "usage: bench_api_host sqlite|postgres FOLDER\n");
    return 2;
  }
  const auto served = asya::bench::Serve(words[1], words[2]);
  if (served.ok()) return 0;
  std::fprintf(stderr, "%s\n", served.error().message.c_str());
  return 1;
}
