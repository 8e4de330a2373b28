// Measures the SQL transports beside plain SQL that does the same rows in the same batches: bench_transports [--strict]
// PostgreSQL is that of ASYA_TEST_POSTGRES: run under tools/postgres --durable run.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/transports/measure.h"

namespace asya::bench {
namespace {

constexpr int kRounds = 5;
constexpr double kRatioMin = 0.7;
// What a relay with concurrency 16 and a fast handler may have leased: four times its concurrency.
constexpr std::size_t kCreditsMeasured[] = {16, 64};
constexpr std::size_t kCreditsOfTheBar = 64;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Print(const char* what, std::size_t credits, const std::vector<double>& values, double per_commit) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  std::printf("%-26s %8zu %12.0f  (%.0f - %.0f) %10.1f\n", what, credits, Median(values), *low, *high, per_commit);
}

struct Pair {
  const char* name;
  std::function<Result<Hops>(std::size_t credits)> transport;
  std::function<Result<Hops>(const RawWork& work)> raw;
};

Result<double> Measure(const Pair& pair, std::size_t credits) {
  std::vector<double> transport;
  std::vector<double> raw;
  std::vector<double> ratios;
  double transport_batch = 0;
  double raw_batch = 0;
  for (int round = 0; round < kRounds; ++round) {
    ASYA_TRY(const Hops ours, pair.transport(credits));
    // The batches that the transport made by itself in this round are those that plain SQL is given.
    RawWork work;
    work.batch = static_cast<std::size_t>(std::max(1.0, std::round(ours.per_commit)));
    ASYA_TRY(const Hops theirs, pair.raw(work));
    transport.push_back(ours.per_second);
    raw.push_back(theirs.per_second);
    ratios.push_back(ours.per_second / theirs.per_second);
    transport_batch = ours.per_commit;
    raw_batch = theirs.per_commit;
  }
  Print((std::string(pair.name) + " transport, echo").c_str(), credits, transport, transport_batch);
  Print("plain SQL, one process", credits, raw, raw_batch);
  std::printf("%-26s %8zu %12.2f\n", "ratio", credits, Median(ratios));
  std::fflush(stdout);
  return Median(ratios);
}

// Prints the bar of one transport. The ratio, or nothing.
std::optional<double> MeasurePair(const Pair& pair) {
  double ratio = 0;
  for (const std::size_t credits : kCreditsMeasured) {
    const auto measured = Measure(pair, credits);
    if (!measured.ok()) {
      std::fprintf(stderr, "%s\n", measured.error().message.c_str());
      return std::nullopt;
    }
    if (credits == kCreditsOfTheBar) ratio = *measured;
  }
  std::printf("bar %s-transport-over-plain-sql value=%.2f limit>=%.2f %s\n", pair.name, ratio, kRatioMin,
              ratio >= kRatioMin ? "ok" : "short");
  return ratio;
}

int Main(bool strict) {
  std::string folder = std::filesystem::temp_directory_path() / "asya-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return 1;
  std::printf("%-26s %8s %12s  (min - max of %d) %s\n", "hops a second, 1 KiB", "leased", "median", kRounds,
              "hops a commit");
  std::vector<Pair> pairs = {{"sqlite", [&](std::size_t credits) { return TransportHops(folder, credits); },
                              [&](const RawWork& work) { return RawHops(folder, work); }}};
  if (const char* dsn = std::getenv("ASYA_TEST_POSTGRES"); dsn != nullptr) {
    pairs.push_back({"postgres", [dsn](std::size_t credits) { return PostgresHops(dsn, credits); },
                     [dsn](const RawWork& work) { return RawPostgresHops(dsn, work); }});
  }
  bool good = true;
  for (const Pair& pair : pairs) {
    const auto ratio = MeasurePair(pair);
    if (!ratio || (strict && *ratio < kRatioMin)) good = false;
  }
  std::filesystem::remove_all(folder);
  return good ? 0 : 1;
}

}  // namespace
}  // namespace asya::bench

int main(int count, char** words) { return asya::bench::Main(count > 1 && std::strcmp(words[1], "--strict") == 0); }
