// Measures the stores side by side and prints one table: bench_storage [memory|sqlite|postgres]... [objects|tasks]...
// PostgreSQL is that of ASYA_TEST_POSTGRES, an empty database: run under tools/postgres --durable run.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>

#include "bench/storage/measure.h"
#include "core/base/clock.h"
#include "core/sql/postgres/database.h"
#include "core/sql/sqlite/database.h"
#include "storage/memory/object_store.h"
#include "storage/postgres/object_store.h"
#include "storage/postgres/schema.h"
#include "storage/postgres/task_store.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/task_store.h"

namespace asya::bench {
namespace {

using Wants = std::function<bool(const char* what)>;

void PrintMemory(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) {
      std::printf("%-10s %-28s %12.1f  MB (with the clients of this program)\n", name.c_str(), "RSS at the end",
                  std::stod(line.substr(6)) / 1024);
    }
  }
}

void MeasureMemory() {
  storage::memory::ObjectStore store(RealClock());
  store.Start();
  MeasureObjects({"memory", store});
}

Status MeasureSqlite(const std::string& folder, const Wants& wants) {
  sql::sqlite::Settings settings;
  settings.path = folder + "/store.db";
  ASYA_TRY(const auto database, sql::sqlite::Database::Open(settings, storage::sqlite::Migrations()));
  ASYA_TRY_STATUS(database->Write([](sql::sqlite::Transaction& transaction) {
    return transaction.Execute("CREATE TABLE sent(sequence INTEGER PRIMARY KEY, body TEXT)");
  }));
  storage::sqlite::ObjectStore store(*database, RealClock());
  ASYA_TRY_STATUS(store.Start());
  if (wants("objects")) MeasureObjects({"sqlite", store});
  const auto enqueue = [](sql::sqlite::Transaction& transaction, const ports::FirstMessage& message) -> Status {
    ASYA_TRY(auto* const insert, transaction.Prepare("INSERT INTO sent(body) VALUES(?1)"));
    return insert->Bind(1, message.body).Run();
  };
  storage::sqlite::TaskStore tasks(*database, RealClock(), enqueue);
  ASYA_TRY_STATUS(tasks.Start());
  if (wants("tasks")) MeasureTasks("sqlite", tasks);
  PrintMemory("sqlite");
  store.Stop();
  return Ok();
}

Status MeasurePostgres(const char* dsn, const Wants& wants) {
  sql::postgres::Settings settings;
  settings.dsn = dsn;
  auto migrations = storage::postgres::Migrations();
  migrations.push_back({"bench", 1, "CREATE TABLE sent(sequence bigserial PRIMARY KEY, body text)"});
  ASYA_TRY(const auto database, sql::postgres::Database::Open(settings, migrations));
  storage::postgres::ObjectStore store(*database, RealClock());
  ASYA_TRY_STATUS(store.Start());
  if (wants("objects")) MeasureObjects({"postgres", store});
  const auto enqueue = [](sql::postgres::Transaction& transaction, const ports::FirstMessage& message) -> Status {
    ASYA_TRY(const auto rows,
             transaction.Execute("INSERT INTO sent(body) VALUES($1)", sql::postgres::Parameters().Add(message.body)));
    return Ok();
  };
  storage::postgres::TaskStore tasks(*database, RealClock(), enqueue);
  tasks.Start();
  if (wants("tasks")) MeasureTasks("postgres", tasks);
  return Ok();
}

// Of each group that has no word among the arguments everything is wanted.
bool IsWanted(const std::set<std::string>& words, const std::string& what) {
  for (const std::set<std::string>& group :
       {std::set<std::string>{"memory", "sqlite", "postgres"}, {"objects", "tasks"}}) {
    if (!group.contains(what)) continue;
    return words.contains(what) ||
           std::none_of(group.begin(), group.end(), [&](const std::string& other) { return words.contains(other); });
  }
  return false;
}

int Main(const std::set<std::string>& words) {
  const Wants wants = [&](const char* what) { return IsWanted(words, what); };
  std::string folder = std::filesystem::temp_directory_path() / "asya-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return 1;
  std::printf("%-10s %-28s %12s  (min - max of 5)\n", "store", "what", "median");
  if (wants("sqlite")) {
    if (const Status measured = MeasureSqlite(folder, wants); !measured.ok()) {
      std::fprintf(stderr, "sqlite: %s\n", measured.error().message.c_str());
      return 1;
    }
  }
  if (const char* dsn = std::getenv("ASYA_TEST_POSTGRES"); wants("postgres") && dsn != nullptr) {
    if (const Status measured = MeasurePostgres(dsn, wants); !measured.ok()) {
      std::fprintf(stderr, "postgres: %s\n", measured.error().message.c_str());
      return 1;
    }
  }
  if (wants("memory") && wants("objects")) MeasureMemory();
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace asya::bench

int main(int argc, char** argv) { return asya::bench::Main({argv + 1, argv + argc}); }
