// One measurement of a Kubernetes API that is reached over TLS with a client certificate; prints one line of JSON:
//   bench_api_client --address HOST:PORT --ca FILE --cert FILE --key FILE WHAT [--clients N] [--seconds S] [--round R]
// WHAT: fill | create | get | merge | apply | status      calls a second and their times
//       list --query '?limit=500' [--accept TYPE]          times to the last byte; pages are followed
//       watch --watchers N --writes N --pause-ms MS [--write-to HOST:PORT]
//             from the return of a write, which another replica may have taken, to its events
// `fill` creates the 10,000 objects which the others but create and watch work on.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "bench/api/measure.h"

namespace asya::bench {
namespace {

using Options = std::map<std::string, std::string>;
using SteadyClock = std::chrono::steady_clock;

constexpr int kListRounds = 5;
constexpr const char* kMerge = "application/merge-patch+json";
constexpr const char* kApply = "application/apply-patch+yaml";
constexpr const char* kNamespace = "list";

int Number(const Options& options, const std::string& name, int otherwise) {
  const auto found = options.find(name);
  return found == options.end() ? otherwise : std::stoi(found->second);
}

double Quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) Die("nothing was measured");
  return sorted[static_cast<std::size_t>(static_cast<double>(sorted.size() - 1) * share)];
}

std::string Quantiles(const std::string& prefix, const std::vector<double>& sorted) {
  char text[160];
  std::snprintf(text, sizeof text, "\"%sp50_ms\":%.3f,\"%sp99_ms\":%.3f,\"%smax_ms\":%.3f", prefix.c_str(),
                Quantile(sorted, 0.5), prefix.c_str(), Quantile(sorted, 0.99), prefix.c_str(), sorted.back());
  return text;
}

// Different clients work on different objects, as different people do; all of the 10,000 are met in turn.
std::string ObjectOf(int client, int i) { return "n" + std::to_string((client * 617 + i * 13) % kActors); }

void Work(const std::string& what, const std::string& round, Connection& connection, int client, int i) {
  const std::string mark = round + "-" + std::to_string(client) + "-" + std::to_string(i);
  const std::string path = ActorsPath(kNamespace) + "/" + ObjectOf(client, i);
  if (what == "create") {
    connection.Call("POST", ActorsPath("default"), ActorJson("c" + mark));
  } else if (what == "get") {
    connection.Call("GET", path, "");
  } else if (what == "merge") {
    connection.Call("PATCH", path, R"({"spec":{"image":"ghcr.io/example/infer:)" + mark + R"("}})", kMerge);
  } else if (what == "apply") {
    const std::string body = R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":")" +
                             ObjectOf(client, i) + R"("},"spec":{"image":"ghcr.io/example/infer:)" + mark +
                             R"(","scaling":{"maxReplicaCount":20}}})";
    connection.Call("PATCH", path + "?fieldManager=bench&force=true", body, kApply);
  } else if (what == "status") {
    connection.Call("PATCH", path + "/status", R"({"status":{"queueUrl":"amqp://)" + mark + R"("}})", kMerge);
  } else {
    Die("unknown: " + what);
  }
}

void Requests(const ApiUnderTest& api, const std::string& what, const Options& options) {
  const std::string round = options.contains("--round") ? options.at("--round") : "0";
  const std::chrono::milliseconds time{Number(options, "--seconds", 2) * 1000};
  const int clients = Number(options, "--clients", 1);
  const Round done = RunClients(api, clients, time, [&](Connection& connection, int client, int i) {
    Work(what, std::to_string(clients) + "-" + round, connection, client, i);
  });
  const auto calls = done.milliseconds.size();
  std::printf("{\"calls\":%zu,\"seconds\":%.4f,\"a_second\":%.1f,%s}\n", calls, done.seconds,
              static_cast<double>(calls) / done.seconds, Quantiles("", done.milliseconds).c_str());
}

// Bytes of a whole list; with a limit in the query page after page.
std::size_t ReadList(Connection& connection, const std::string& query, const std::string& accept) {
  constexpr std::string_view kContinue = R"("continue":")";
  if (query.find("limit=") == std::string::npos) return connection.Drop(ActorsPath(kNamespace) + query, accept);
  std::size_t bytes = 0;
  std::string more;
  do {
    const std::string page =
        connection.Call("GET", ActorsPath(kNamespace) + query + more, "", "application/json", accept);
    bytes += page.size();
    more.clear();
    // It stands in the list's own metadata, in front of the items or behind them.
    const auto at = page.find(kContinue);
    if (at == std::string::npos) continue;
    const auto begin = at + kContinue.size();
    more = "&continue=" + page.substr(begin, page.find('"', begin) - begin);
    if (more.size() == std::string_view("&continue=").size()) more.clear();
  } while (!more.empty());
  return bytes;
}

void Lists(const ApiUnderTest& api, const Options& options) {
  Connection connection = ConnectTo(api);
  const std::string query = options.contains("--query") ? options.at("--query") : "";
  const std::string accept = options.contains("--accept") ? options.at("--accept") : "application/json";
  std::vector<double> took;
  std::size_t bytes = 0;
  for (int round = 0; round < kListRounds; ++round) {
    const auto start = SteadyClock::now();
    bytes = ReadList(connection, query, accept);
    took.push_back(std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count());
  }
  std::printf("{\"bytes\":%zu,\"ms\":[%.2f,%.2f,%.2f,%.2f,%.2f]}\n", bytes, took[0], took[1], took[2], took[3],
              took[4]);
}

void Watches(const ApiUnderTest& api, const Options& options) {
  const std::string namespace_ = "lag-" + (options.contains("--round") ? options.at("--round") : "0");
  ApiUnderTest written_to = api;
  if (options.contains("--write-to")) written_to.address = options.at("--write-to");
  MakeNamespace(written_to, namespace_);
  const WatchLags lags =
      RunWatchers(api, written_to, namespace_, Number(options, "--watchers", 50), Number(options, "--writes", 400),
                  std::chrono::milliseconds{Number(options, "--pause-ms", 5)});
  std::printf("{%s,%s}\n", Quantiles("", lags.after_return_ms).c_str(), Quantiles("last_", lags.last_ms).c_str());
}

int Main(const std::vector<std::string>& words) {
  Options options;
  std::string what;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].starts_with("--") && i + 1 < words.size()) {
      options[words[i]] = words[i + 1];
      ++i;
    } else {
      what = words[i];
    }
  }
  ApiUnderTest api;
  api.address = options["--address"];
  api.tls = TlsFiles{options["--ca"], options["--cert"], options["--key"]};
  if (what == "fill") {
    MakeNamespace(api, kNamespace);
    FillNamespace(api, kNamespace);
    std::printf("{}\n");
  } else if (what == "list") {
    Lists(api, options);
  } else if (what == "watch") {
    Watches(api, options);
  } else {
    Requests(api, what, options);
  }
  return 0;
}

}  // namespace
}  // namespace asya::bench

int main(int count, char** words) { return asya::bench::Main({words + 1, words + count}); }
