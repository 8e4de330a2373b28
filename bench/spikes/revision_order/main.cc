// How many rows does a watcher on PostgreSQL never see when revisions come from a sequence? What does the cure cost?
//
// Eight writers each change their object and append one row to the log, in one transaction; a watcher reads
// `revision > last` all the time, as a watch does. Ways to take the revision:
//   sequence    nextval alone
//   lock-first  pg_advisory_xact_lock before the change, then nextval
//   lock-last   the change first, then the lock, nextval and commit: the lock covers only what must be in order
#include <libpq-fe.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kWriters = 8;
constexpr int kObjectsPerWriter = 50;

using Clock = std::chrono::steady_clock;

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "revision_order: %s\n", what.c_str());
  std::_Exit(1);
}

class Connection {
 public:
  explicit Connection(const std::string& dsn) : connection_(PQconnectdb(dsn.c_str()), &PQfinish) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) Die(PQerrorMessage(connection_.get()));
  }
  // Runs one or more statements in one round trip and returns the rows of the last.
  std::vector<std::int64_t> Run(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_.get(), sql.c_str()), &PQclear);
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) Die(PQerrorMessage(connection_.get()));
    std::vector<std::int64_t> rows;
    for (int i = 0; i < PQntuples(result.get()); ++i) rows.push_back(std::stoll(PQgetvalue(result.get(), i, 0)));
    return rows;
  }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

std::string WriteSql(const std::string& way, int writer, int turn) {
  const std::string object = std::to_string(writer * kObjectsPerWriter + turn % kObjectsPerWriter);
  const std::string change = "UPDATE object SET body = repeat('x', 900) WHERE id = " + object + ";";
  const std::string lock = "SELECT pg_advisory_xact_lock(1);";
  const std::string log = "INSERT INTO log(object, body) VALUES (" + object + ", repeat('x', 900));";
  if (way == "lock-first") return "BEGIN;" + lock + change + log + "COMMIT";
  if (way == "lock-last") return "BEGIN;" + change + lock + log + "COMMIT";
  return "BEGIN;" + change + log + "COMMIT";
}

void Measure(const std::string& dsn, const std::string& way, int seconds) {
  Connection setup(dsn);
  setup.Run(
      "SET client_min_messages = warning; DROP TABLE IF EXISTS object, log; CREATE TABLE object(id int PRIMARY KEY, "
      "body text);"
      "CREATE TABLE log(revision bigserial PRIMARY KEY, object int, body text);"
      "INSERT INTO object SELECT n, '' FROM generate_series(0, " +
      std::to_string(kWriters * kObjectsPerWriter) + ") n");
  std::atomic<bool> stop{false};
  std::vector<std::vector<double>> waits_ms(kWriters);
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      Connection connection(dsn);
      for (int turn = 0; !stop.load(); ++turn) {
        const auto began = Clock::now();
        connection.Run(WriteSql(way, writer, turn));
        waits_ms[static_cast<std::size_t>(writer)].push_back(
            std::chrono::duration<double, std::milli>(Clock::now() - began).count());
      }
    });
  }
  std::int64_t seen = 0;
  std::int64_t last = 0;
  Connection watcher(dsn);
  const auto read = [&] {
    const auto rows =
        watcher.Run("SELECT revision FROM log WHERE revision > " + std::to_string(last) + " ORDER BY revision");
    seen += static_cast<std::int64_t>(rows.size());
    if (!rows.empty()) last = rows.back();
  };
  const auto began = Clock::now();
  while (Clock::now() - began < std::chrono::seconds(seconds)) read();
  stop = true;
  writers.clear();
  const double elapsed_s = std::chrono::duration<double>(Clock::now() - began).count();
  read();
  std::vector<double> all;
  for (const auto& some : waits_ms) all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  const auto written = static_cast<std::int64_t>(all.size());
  std::printf("%-10s writes/s=%.0f p50_ms=%.2f p99_ms=%.2f written=%lld never_seen=%lld\n", way.c_str(),
              static_cast<double>(written) / elapsed_s, all[all.size() / 2], all[all.size() * 99 / 100],
              static_cast<long long>(written), static_cast<long long>(written - seen));
  std::fflush(stdout);
}

}  // namespace

// usage: revision_order DSN [SECONDS] [REPEATS]
int main(int argc, char** argv) {
  if (argc < 2) Die("usage: revision_order DSN [SECONDS] [REPEATS]");
  const int seconds = argc > 2 ? std::stoi(argv[2]) : 4;
  const int repeats = argc > 3 ? std::stoi(argv[3]) : 3;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (const char* way : {"sequence", "lock-first", "lock-last"}) Measure(argv[1], way, seconds);
  }
}
