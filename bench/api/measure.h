// Measure: what the Kubernetes API does over HTTP, printed as rows of one table.
#pragma once

#include <string>
#include <vector>

namespace asya::bench {

constexpr int kActors = 10'000;

struct ApiUnderTest {
  std::string name;     // first column
  std::string address;  // HOST:PORT, plain HTTP
  std::string token;
};

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
