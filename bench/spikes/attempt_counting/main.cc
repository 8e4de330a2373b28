// What does it cost to record on disk that an invocation begins, and what is lost without it?
//
// Part 1: hops a second of one writer on SQLite (WAL, synchronous=FULL, 1 KiB rows, batches of 16, two batches under
// way):
//   none       nothing is written before the call
//   separate   crash_count is written in a transaction of its own before the call
//   grouped    crash_count of the next batch is written in the transaction that settles the batch before
// Part 2: a handler that kills its process on every call, five times; what each way of counting then knows.
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace {

constexpr int kBatch = 16;
constexpr int kRows = 512;
constexpr int kCrashes = 5;

using Clock = std::chrono::steady_clock;
using Ids = std::vector<std::int64_t>;

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "attempt_counting: %s\n", what.c_str());
  std::_Exit(1);
}

class Queue {
 public:
  explicit Queue(const std::string& path) {
    if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) Die(sqlite3_errmsg(db_));
    Run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS message("
        "id INTEGER PRIMARY KEY, crash_count INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0, body "
        "BLOB)");
    read_ = Prepare("SELECT id FROM message WHERE id > ? ORDER BY id LIMIT ?");
    start_ = Prepare("UPDATE message SET crash_count = crash_count + 1 WHERE id = ?");
    delete_ = Prepare("DELETE FROM message WHERE id = ?");
    insert_ = Prepare("INSERT INTO message(body) VALUES (zeroblob(1024))");
  }
  ~Queue() {
    for (sqlite3_stmt* statement : {read_, start_, delete_, insert_}) sqlite3_finalize(statement);
    sqlite3_close(db_);
  }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  void Run(const char* sql) {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) Die(sqlite3_errmsg(db_));
  }
  void Fill() {
    Run("BEGIN");
    for (int i = 0; i < kRows; ++i) Step(insert_);
    Run("COMMIT");
  }
  Ids Lease() {
    sqlite3_bind_int64(read_, 1, leased_);
    sqlite3_bind_int(read_, 2, kBatch);
    Ids ids;
    while (sqlite3_step(read_) == SQLITE_ROW) ids.push_back(sqlite3_column_int64(read_, 0));
    sqlite3_reset(read_);
    leased_ = ids.back();
    return ids;
  }
  void Start(const Ids& ids) {
    for (const std::int64_t id : ids) {
      sqlite3_bind_int64(start_, 1, id);
      Step(start_);
    }
  }
  void Settle(const Ids& ids) {
    for (const std::int64_t id : ids) {
      sqlite3_bind_int64(delete_, 1, id);
      Step(delete_);
      Step(insert_);
    }
  }
  std::int64_t Ask(const char* sql) {
    sqlite3_stmt* statement = Prepare(sql);
    if (sqlite3_step(statement) != SQLITE_ROW) Die("no row");
    const std::int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
  }

 private:
  sqlite3_stmt* Prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr) != SQLITE_OK) Die(sqlite3_errmsg(db_));
    return statement;
  }
  void Step(sqlite3_stmt* statement) {
    if (sqlite3_step(statement) != SQLITE_DONE) Die(sqlite3_errmsg(db_));
    sqlite3_reset(statement);
  }
  sqlite3* db_ = nullptr;
  sqlite3_stmt* read_ = nullptr;
  sqlite3_stmt* start_ = nullptr;
  sqlite3_stmt* delete_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  std::int64_t leased_ = 0;
};

double HopsPerSecond(const std::string& path, const std::string& way, int seconds) {
  Queue queue(path);
  queue.Fill();
  std::int64_t hops = 0;
  Ids running = queue.Lease();
  const auto began = Clock::now();
  while (Clock::now() - began < std::chrono::seconds(seconds)) {
    const Ids next = queue.Lease();
    if (way == "separate") {
      queue.Run("BEGIN IMMEDIATE");
      queue.Start(next);
      queue.Run("COMMIT");
    }
    queue.Run("BEGIN IMMEDIATE");
    queue.Settle(running);
    if (way == "grouped") queue.Start(next);
    queue.Run("COMMIT");
    hops += static_cast<std::int64_t>(running.size());
    running = next;
  }
  return static_cast<double>(hops) / std::chrono::duration<double>(Clock::now() - began).count();
}

// A process that takes the only message, marks the start when asked to, and dies before it can report.
void Crash(const std::string& path, bool mark) {
  const pid_t child = ::fork();
  if (child == 0) {
    Queue queue(path);
    const Ids ids = queue.Lease();
    if (mark) queue.Start(ids);
    ::raise(SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
}

void WhatIsKnown(const std::string& path, bool mark) {
  {
    Queue queue(path);
    queue.Run("INSERT INTO message(body) VALUES ('poison')");
  }
  for (int i = 0; i < kCrashes; ++i) Crash(path, mark);
  Queue queue(path);
  std::printf("after %d crashes, %s: attempt in the envelope=%lld crash_count=%lld\n", kCrashes,
              mark ? "start recorded" : "start not recorded",
              static_cast<long long>(queue.Ask("SELECT attempt FROM message")),
              static_cast<long long>(queue.Ask("SELECT crash_count FROM message")));
}

}  // namespace

// usage: attempt_counting FOLDER [SECONDS] [REPEATS]
int main(int argc, char** argv) {
  if (argc < 2) Die("usage: attempt_counting FOLDER [SECONDS] [REPEATS]");
  const std::string folder = argv[1];
  const int seconds = argc > 2 ? std::stoi(argv[2]) : 3;
  const int repeats = argc > 3 ? std::stoi(argv[3]) : 3;
  int file = 0;
  const auto fresh = [&] {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    return folder + "/" + std::to_string(file++) + ".db";
  };
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (const char* way : {"none", "separate", "grouped"}) {
      std::printf("%-9s hops/s=%.0f\n", way, HopsPerSecond(fresh(), way, seconds));
      std::fflush(stdout);
    }
  }
  WhatIsKnown(fresh(), false);
  WhatIsKnown(fresh(), true);
}
