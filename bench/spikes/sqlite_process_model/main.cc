// Which process opens the SQLite file? Hops a second, worst wait, share and CPU of three models, side by side.
//
//   server  one process owns the file; relays send batches over a Unix socket; one writer commits what waits together
//   flock   every relay opens the file and takes flock around each transaction
//   busy    every relay opens the file and leaves the waiting to sqlite3_busy_timeout
//
// A hop reads, deletes and inserts one row of 1 KiB; a relay has one batch of 16 under way; WAL, synchronous=FULL.
// The file models need no lease here although a relay would have to write one: the comparison favours them.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kBatch = 16;
constexpr int kBodyBytes = 1024;
constexpr int kMaxRelays = 16;
constexpr int kRowsPerQueue = 500;
constexpr int kBusyTimeoutMs = 10'000;

using Clock = std::chrono::steady_clock;

struct Row {
  std::int64_t id = 0;
  std::array<char, kBodyBytes> body{};
};
struct Batch {
  int count = 0;
  std::array<Row, kBatch> rows{};
};

// What the processes report, in memory shared by fork.
struct Report {
  std::atomic<bool> stop{false};
  struct Relay {
    std::int64_t hops = 0;
    double worst_ms = 0;
    double p99_ms = 0;
  };
  std::array<Relay, kMaxRelays> relay;
};

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "sqlite_process_model: %s\n", what.c_str());
  std::_Exit(1);
}

// One connection with the statements of a hop.
class Database {
 public:
  explicit Database(const std::string& path) {
    if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) Die(sqlite3_errmsg(db_));
    sqlite3_busy_timeout(db_, kBusyTimeoutMs);
    Run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "CREATE TABLE IF NOT EXISTS message(id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, body BLOB NOT NULL);"
        "CREATE INDEX IF NOT EXISTS message_queue ON message(queue, id)");
    select_ = Prepare("SELECT id, body FROM message WHERE queue = ? AND id > ? ORDER BY id LIMIT ?");
    delete_ = Prepare("DELETE FROM message WHERE id = ?");
    insert_ = Prepare("INSERT INTO message(queue, body) VALUES (?, ?)");
  }
  ~Database() {
    for (sqlite3_stmt* statement : {select_, delete_, insert_}) sqlite3_finalize(statement);
    sqlite3_close(db_);
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void Run(const char* sql) {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) Die(sqlite3_errmsg(db_));
  }
  void Read(int queue, std::int64_t after, Batch& out) {
    sqlite3_bind_int(select_, 1, queue);
    sqlite3_bind_int64(select_, 2, after);
    sqlite3_bind_int(select_, 3, kBatch);
    out.count = 0;
    while (sqlite3_step(select_) == SQLITE_ROW) {
      Row& row = out.rows[static_cast<std::size_t>(out.count++)];
      row.id = sqlite3_column_int64(select_, 0);
      std::memcpy(row.body.data(), sqlite3_column_blob(select_, 1), kBodyBytes);
    }
    sqlite3_reset(select_);
  }
  void Settle(int queue, const Batch& batch) {
    for (int i = 0; i < batch.count; ++i) {
      const Row& row = batch.rows[static_cast<std::size_t>(i)];
      sqlite3_bind_int64(delete_, 1, row.id);
      Step(delete_);
      Insert(queue, row);
    }
  }
  void Insert(int queue, const Row& row) {
    sqlite3_bind_int(insert_, 1, queue);
    sqlite3_bind_blob(insert_, 2, row.body.data(), kBodyBytes, SQLITE_STATIC);
    Step(insert_);
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
  sqlite3_stmt* select_ = nullptr;
  sqlite3_stmt* delete_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

void SendAll(int fd, const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = ::send(fd, at, size, MSG_NOSIGNAL);
    if (sent <= 0) return;
    at += sent;
    size -= static_cast<std::size_t>(sent);
  }
}
bool ReceiveAll(int fd, void* data, std::size_t size) {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::recv(fd, at, size, 0);
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}
void SendBatch(int fd, const Batch& batch) {
  SendAll(fd, &batch.count, sizeof(batch.count));
  SendAll(fd, batch.rows.data(), sizeof(Row) * static_cast<std::size_t>(batch.count));
}
bool ReceiveBatch(int fd, Batch& batch) {
  return ReceiveAll(fd, &batch.count, sizeof(batch.count)) &&
         ReceiveAll(fd, batch.rows.data(), sizeof(Row) * static_cast<std::size_t>(batch.count));
}

// The process that owns the file: a thread a connection, one writer that commits all waiting batches together.
class Owner {
 public:
  Owner(const std::string& path, std::vector<int> sockets) : database_(path), sockets_(std::move(sockets)) {}

  void Serve() {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < sockets_.size(); ++i) threads.emplace_back([this, i] { Connection(i); });
    Write();
  }

 private:
  struct Job {
    std::size_t relay;
    Batch batch;
  };
  void Connection(std::size_t relay) {
    Job job{relay, {}};
    while (ReceiveBatch(sockets_[relay], job.batch)) {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(job);
      changed_.notify_one();
    }
    const std::lock_guard lock(mutex_);
    ++closed_;
    changed_.notify_one();
  }
  void Write() {
    std::vector<std::int64_t> leased(sockets_.size(), 0);
    std::deque<Job> jobs;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !waiting_.empty() || closed_ == sockets_.size(); });
        if (waiting_.empty()) return;
        jobs.swap(waiting_);
      }
      database_.Run("BEGIN IMMEDIATE");
      for (const Job& job : jobs) database_.Settle(static_cast<int>(job.relay), job.batch);
      database_.Run("COMMIT");
      for (Job& job : jobs) {
        // Leases live in memory: a row is given out once, and a restart frees them all.
        database_.Read(static_cast<int>(job.relay), leased[job.relay], job.batch);
        if (job.batch.count > 0) leased[job.relay] = job.batch.rows[static_cast<std::size_t>(job.batch.count) - 1].id;
        SendBatch(sockets_[job.relay], job.batch);
      }
      jobs.clear();
    }
  }
  Database database_;
  std::vector<int> sockets_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  std::size_t closed_ = 0;
};

// Counts the hops and waits of one relay, and writes them to the report at the end.
class Meter {
 public:
  void Count(int hops, Clock::time_point began) {
    hops_ += hops;
    waits_ms_.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
  }
  void Write(Report::Relay& out) {
    if (waits_ms_.empty()) return;
    std::sort(waits_ms_.begin(), waits_ms_.end());
    out = {hops_, waits_ms_.back(), waits_ms_[waits_ms_.size() * 99 / 100]};
  }

 private:
  std::int64_t hops_ = 0;
  std::vector<double> waits_ms_;
};

void RelayOnSocket(int fd, Report& report, Report::Relay& out) {
  Meter meter;
  Batch batch;  // the first request settles nothing
  while (!report.stop.load()) {
    const auto began = Clock::now();
    const int settled = batch.count;
    SendBatch(fd, batch);
    if (!ReceiveBatch(fd, batch)) break;
    meter.Count(settled, began);
  }
  meter.Write(out);
}

void RelayOnFile(const std::string& path, int queue, bool use_flock, Report& report, Report::Relay& out) {
  Database database(path);
  const int lock = ::open((path + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  Meter meter;
  Batch batch;
  while (!report.stop.load()) {
    const auto began = Clock::now();
    if (use_flock && ::flock(lock, LOCK_EX) != 0) Die("flock");
    database.Run("BEGIN IMMEDIATE");
    database.Read(queue, 0, batch);
    database.Settle(queue, batch);
    database.Run("COMMIT");
    if (use_flock) ::flock(lock, LOCK_UN);
    meter.Count(batch.count, began);
  }
  meter.Write(out);
}

double CpuOfChildrenS() {
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  const auto seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

template <class F>
void Fork(std::vector<pid_t>& children, F body) {
  const pid_t child = ::fork();
  if (child < 0) Die("fork");
  if (child == 0) {
    body();
    std::_Exit(0);
  }
  children.push_back(child);
}

std::string Prepare(const std::string& folder, int relays) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  Database database(folder + "/queues.db");
  database.Run("BEGIN");
  for (int queue = 0; queue < relays; ++queue) {
    for (int i = 0; i < kRowsPerQueue; ++i) database.Insert(queue, Row{});
  }
  database.Run("COMMIT");
  return folder + "/queues.db";
}

void StartProcesses(const std::string& model, const std::string& path, int relays, Report& report,
                    std::vector<pid_t>& children) {
  std::vector<int> mine;
  std::vector<int> theirs;
  for (int i = 0; model == "server" && i < relays; ++i) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) Die("socketpair");
    mine.push_back(pair[0]);
    theirs.push_back(pair[1]);
  }
  if (model == "server") {
    Fork(children, [&] {
      for (const int fd : theirs) ::close(fd);
      Owner(path, mine).Serve();
    });
    for (const int fd : mine) ::close(fd);
  }
  for (int i = 0; i < relays; ++i) {
    Report::Relay& out = report.relay[static_cast<std::size_t>(i)];
    Fork(children, [&] {
      for (int other = 0; other < static_cast<int>(theirs.size()); ++other) {
        if (other != i) ::close(theirs[static_cast<std::size_t>(other)]);
      }
      if (model == "server") return RelayOnSocket(theirs[static_cast<std::size_t>(i)], report, out);
      RelayOnFile(path, i, model == "flock", report, out);
    });
  }
  for (const int fd : theirs) ::close(fd);
}

void Measure(const std::string& model, int relays, int seconds, const std::string& folder) {
  const std::string path = Prepare(folder, relays);
  void* shared = ::mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) Die("mmap");
  Report& report = *new (shared) Report;
  const double cpu_before = CpuOfChildrenS();
  const auto began = Clock::now();
  std::vector<pid_t> children;
  StartProcesses(model, path, relays, report, children);
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  report.stop = true;
  const double elapsed_s = std::chrono::duration<double>(Clock::now() - began).count();
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  const double cpu_s = CpuOfChildrenS() - cpu_before;
  std::int64_t hops = 0;
  std::int64_t least = INT64_MAX;
  std::int64_t most = 0;
  double worst_ms = 0;
  double p99_ms = 0;
  for (int i = 0; i < relays; ++i) {
    const Report::Relay& relay = report.relay[static_cast<std::size_t>(i)];
    hops += relay.hops;
    least = std::min(least, relay.hops);
    most = std::max(most, relay.hops);
    worst_ms = std::max(worst_ms, relay.worst_ms);
    p99_ms = std::max(p99_ms, relay.p99_ms);
  }
  const double rate = static_cast<double>(hops) / elapsed_s;
  std::printf("%-7s relays=%d hops/s=%.0f p99_ms=%.1f worst_ms=%.1f least/most=%.2f cpu_us/hop=%.1f\n", model.c_str(),
              relays, rate, p99_ms, worst_ms, most > 0 ? static_cast<double>(least) / static_cast<double>(most) : 0.0,
              cpu_s * 1e6 / static_cast<double>(std::max<std::int64_t>(hops, 1)));
  std::fflush(stdout);
  ::munmap(shared, sizeof(Report));
}

int g_extra_sync_us = 0;

}  // namespace

// SQLite finds this one before the C library's: a slower disk than the machine has can be tried.
extern "C" int fdatasync(int fd) {
  const long result = ::syscall(SYS_fdatasync, fd);
  if (g_extra_sync_us > 0) std::this_thread::sleep_for(std::chrono::microseconds(g_extra_sync_us));
  return static_cast<int>(result);
}

// usage: sqlite_process_model FOLDER [SECONDS] [REPEATS] [MICROSECONDS ADDED TO EACH SYNC]
int main(int argc, char** argv) {
  if (argc < 2) Die("usage: sqlite_process_model FOLDER [SECONDS] [REPEATS] [EXTRA_SYNC_US]");
  const int seconds = argc > 2 ? std::stoi(argv[2]) : 4;
  const int repeats = argc > 3 ? std::stoi(argv[3]) : 3;
  g_extra_sync_us = argc > 4 ? std::stoi(argv[4]) : 0;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (const int relays : {1, 4, 8}) {
      for (const char* model : {"server", "flock", "busy"}) Measure(model, relays, seconds, argv[1]);
    }
  }
  std::filesystem::remove_all(argv[1]);
}
