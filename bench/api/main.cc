// Measures the Kubernetes API over HTTP on SQLite and on PostgreSQL (that of ASYA_TEST_POSTGRES, an empty database),
// and what a real asya-server weighs with 10,000 actors:
//   bench_api --python PYTHON --runtime ARCHIVE --crew FOLDER [--only sqlite|postgres|memory] [--strict]
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "bench/api/local_stack.h"
#include "bench/api/measure.h"
#include "bench/support/connection.h"
#include "bench/support/process_figures.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_folder.h"

namespace asya::bench {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::seconds kReconcilePatience{400};
constexpr std::chrono::milliseconds kLook{20};
constexpr std::chrono::seconds kReconcileLook{5};
constexpr double kResidentMaxMib = 150;

void MeasureHost(const std::string& programs, const std::string& engine) {
  const tests::TemporaryFolder folder;
  std::map<std::string, std::string> environment;
  if (const char* dsn = std::getenv("ASYA_TEST_POSTGRES"); dsn != nullptr) environment["ASYA_TEST_POSTGRES"] = dsn;
  tests::ChildProcess host({programs + "/bench_api_host", engine, folder.path()}, environment);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!std::filesystem::exists(folder.path() + "/address")) {
    if (std::chrono::steady_clock::now() > until) Die("the API on " + engine + " did not start");
    std::this_thread::sleep_for(kLook);
  }
  ApiUnderTest api;
  api.name = "api " + engine;
  std::ifstream(folder.path() + "/address") >> api.address;
  MeasureRequests(api);
  MeasureWatchLag(api);
  host.Signal(SIGTERM);
  host.Wait();
}

double Note(const LocalStack& stack, const std::string& what) {
  const double resident = ResidentMib(stack.pid());
  Row("asya-server", "RSS, " + what, {resident}, "MiB");
  return resident;
}

// Everything a local server does with an actor is done: queue, children, scaling policy, status. The list of all at
// once is what kubectl get and each restarted client ask for.
double MeasureMemory(const Installation& installation) {
  const LocalStack stack(installation);
  Note(stack, "no actor");
  const auto start = std::chrono::steady_clock::now();
  FillNamespace(stack.api(), "default");
  while (stack.Reconciled("default") < kActors) {
    if (std::chrono::steady_clock::now() - start > kReconcilePatience) Die("the actors were not reconciled in time");
    std::this_thread::sleep_for(kReconcileLook);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  Row("asya-server", "10,000 actors to reconciled", {took.count()}, "s");
  const double after_work = Note(stack, "10,000 actors");
  Connection connection = ConnectTo(stack.api());
  connection.Call("GET", ActorsPath("default"), "");
  return std::max(after_work, Note(stack, "after a list of 10,000"));
}

int Main(const std::vector<std::string>& words) {
  std::map<std::string, std::string> given;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--strict") {
      given["--strict"] = "yes";
    } else if (i + 1 < words.size()) {
      given[words[i]] = words[i + 1];
      ++i;
    }
  }
  Installation installation;
  installation.programs = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  installation.python = given["--python"];
  installation.runtime = std::filesystem::absolute(given["--runtime"]);
  installation.crew = std::filesystem::absolute(given["--crew"]);
  const std::string only = given["--only"];
  const auto wanted = [&](const char* what) { return only.empty() || only == what; };
  std::printf("%-14s %-28s %12s  (min - max of 5)\n", "server", "what", "median");
  if (wanted("sqlite")) MeasureHost(installation.programs, "sqlite");
  if (wanted("postgres")) MeasureHost(installation.programs, "postgres");
  if (!wanted("memory")) return 0;
  const double resident = MeasureMemory(installation);
  const bool good = resident <= kResidentMaxMib;
  std::printf("bar server-rss-10000-actors-mib value=%.1f limit<=%.0f %s\n", resident, kResidentMaxMib,
              good ? "ok" : "short");
  return good || given["--strict"].empty() ? 0 : 1;
}

}  // namespace
}  // namespace asya::bench

int main(int count, char** words) { return asya::bench::Main({words + 1, words + count}); }
