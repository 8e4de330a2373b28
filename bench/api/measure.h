// Measure: what the Kubernetes API does over HTTP, printed as rows of one table.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/support/connection.h"

namespace asya::bench {

constexpr int kActors = 10'000;

struct ApiUnderTest {
  std::string name;     // first column
  std::string address;  // HOST:PORT; plain HTTP without `tls`
  std::string token{};
  std::optional<TlsFiles> tls{};
};

Connection ConnectTo(const ApiUnderTest& api);

// What some clients did in one round, each with a connection of its own.
struct Round {
  double seconds = 0;
  std::vector<double> milliseconds{};  // of each call, sorted
};
// `work(connection, client, i)` from that many threads until the time is over.
Round RunClients(const ApiUnderTest& api, int clients, std::chrono::milliseconds time,
                 const std::function<void(Connection&, int client, int i)>& work);

// From writes of new objects to `written_to`, so many milliseconds apart, to their events at each watcher of `watched`.
struct WatchLags {
  std::vector<double> after_start_ms{};   // of the write; sorted
  std::vector<double> after_return_ms{};  // of the write; 0 when the event was there first; sorted
  std::vector<double> last_ms{};          // of all watchers, after the return of the write; sorted
};
WatchLags RunWatchers(const ApiUnderTest& watched, const ApiUnderTest& written_to, const std::string& namespace_,
                      int watchers, int writes, std::chrono::milliseconds pause);

// An AsyncActor as a person would write it: about 600 bytes.
std::string ActorJson(const std::string& name);
std::string ActorsPath(const std::string& namespace_);

void MakeNamespace(const ApiUnderTest& api, const std::string& name);
// Creates n0 … n9999 by 16 clients.
void FillNamespace(const ApiUnderTest& api, const std::string& namespace_);
// Creates and gets by 1 and 16 clients, a list of 10,000, a page of it.
void MeasureRequests(const ApiUnderTest& api);
// From the start of a create to its event at each of 50 watchers, 200 creates a second.
void MeasureWatchLag(const ApiUnderTest& api);
// The median and the extremes of `values`.
void Row(const std::string& name, const std::string& what, std::vector<double> values, const char* unit);

}  // namespace asya::bench
