// Measures the stores side by side and prints one table: bench_storage [memory|sqlite]... [objects|tasks]...
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
#include "core/sql/sqlite/database.h"
#include "storage/memory/object_store.h"
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

// Of each group that has no word among the arguments everything is wanted.
bool IsWanted(const std::set<std::string>& words, const std::string& what) {
  for (const std::set<std::string>& group : {std::set<std::string>{"memory", "sqlite"}, {"objects", "tasks"}}) {
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
  if (wants("memory") && wants("objects")) MeasureMemory();
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace asya::bench

int main(int argc, char** argv) { return asya::bench::Main({argv + 1, argv + argc}); }
