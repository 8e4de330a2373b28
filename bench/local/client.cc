// Sends items through the task API with a fixed number in flight and prints items a second and latencies as JSON.
//   client HOST:PORT TOKEN ACTOR NEXT,NEXT IN_FLIGHT ITEMS PAYLOAD_BYTES
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "bench/support/connection.h"
#include "core/json/parse.h"

namespace {

using asya::bench::Connection;
using asya::bench::Die;
using Clock = std::chrono::steady_clock;

struct Load {
  std::string address;
  std::string token;
  std::string path;
  std::string body;
  std::size_t items = 0;
  std::atomic<std::size_t> taken{0};
};

void Work(Load& load, std::vector<double>& latencies_ms) {
  Connection connection(load.address, load.token);
  while (load.taken.fetch_add(1) < load.items) {
    const auto started = Clock::now();
    const auto created = asya::json::Parse(connection.Call("POST", load.path, load.body));
    const std::string id = created.value().GetString("id").value_or("");
    const auto task = asya::json::Parse(connection.Call("GET", "/api/v1/tasks/" + id + "?wait=60s", ""));
    const std::string status = task.value().GetString("status").value_or("");
    if (status != "succeeded") Die("task " + id + " is " + status);
    latencies_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - started).count());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) Die("usage: client HOST:PORT TOKEN ACTOR NEXT,NEXT IN_FLIGHT ITEMS PAYLOAD_BYTES");
  Load load;
  load.address = argv[1];
  load.token = argv[2];
  load.path = std::string("/api/v1/tasks?actor=") + argv[3];
  std::string next = argv[4];
  for (std::size_t at = 0; (at = next.find(',', at)) != std::string::npos; at += 3) next.replace(at, 1, "\",\"");
  const std::string text(std::stoul(argv[7]), 'x');
  load.body = R"({"payload":{"text":")" + text + R"("},"next":[)" + (next.empty() ? "" : "\"" + next + "\"") + "]}";
  const std::size_t in_flight = std::stoul(argv[5]);
  load.items = std::stoul(argv[6]);
  std::vector<std::vector<double>> latencies(in_flight);
  const auto started = Clock::now();
  std::vector<std::thread> threads;
  for (auto& own : latencies) threads.emplace_back([&load, &own] { Work(load, own); });
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
  std::vector<double> all;
  for (const auto& own : latencies) all.insert(all.end(), own.begin(), own.end());
  std::sort(all.begin(), all.end());
  std::printf("{\"items_per_s\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", static_cast<double>(all.size()) / seconds,
              all[all.size() / 2], all[all.size() * 99 / 100]);
  return 0;
}
