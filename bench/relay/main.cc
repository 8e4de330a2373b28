// Measures one relay program on the SQLite transport, beside plain SQL that does the same rows in the same batches, and
// what the relay weighs: bench_relay --python PYTHON --runtime ARCHIVE [--strict]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "bench/relay/stage.h"
#include "bench/support/process_figures.h"
#include "bench/transports/measure.h"

namespace asya::bench {
namespace {

constexpr int kRounds = 7;
constexpr int kNativeHops = 10'000;
constexpr int kPythonHops = 6'000;
constexpr int kWarmPart = 5;  // one hop in so many warms up
constexpr std::chrono::seconds kIdle{30};
constexpr double kRatioMin = 0.7;
constexpr double kPythonHopsAim = 5000;
constexpr double kResidentMaxMib = 12;
constexpr double kFirstCallMaxMs = 50;

struct Run {
  Hops hops;
  double relay_cpu_us = 0;  // of each hop
  double resident_peak_mib = 0;
  double first_call_ms = 0;  // native runtime only
};

Result<Run> RunThrough(const Programs& programs, int hops) {
  ASYA_TRY(const auto stage, Stage::Open(programs));
  ASYA_TRY_STATUS(stage->Publish(hops));
  stage->StartRelay();
  ASYA_TRY(const SteadyTime began, stage->UntilPassed(hops / kWarmPart));
  const std::int64_t before = stage->passed();
  const std::int64_t commits = stage->commits();
  const std::int64_t ticks = ProcessorTicks(stage->relay_pid());
  ASYA_TRY(const SteadyTime ended, stage->UntilPassed(hops));
  const auto measured = static_cast<double>(hops - before);
  Run run;
  run.hops.per_second = measured / std::chrono::duration<double>(ended - began).count();
  run.hops.per_commit = measured / static_cast<double>(std::max<std::int64_t>(1, stage->commits() - commits));
  run.relay_cpu_us = SecondsOf(ProcessorTicks(stage->relay_pid()) - ticks) / measured * 1e6;
  run.resident_peak_mib = ResidentPeakMib(stage->relay_pid());
  if (programs.archive.empty())
    run.first_call_ms = std::chrono::duration<double, std::milli>(stage->StartToFirstCall()).count();
  return run;
}

struct Rest {
  double resident_mib = 0;
  std::int64_t ticks = 0;
};

// A relay that has worked once and then has nothing to do.
Result<Rest> RunIdle(const Programs& programs) {
  ASYA_TRY(const auto stage, Stage::Open(programs));
  stage->StartRelay();
  ASYA_TRY_STATUS(stage->Publish(1));
  ASYA_TRY_STATUS(stage->UntilPassed(1));
  Rest rest;
  rest.resident_mib = ResidentMib(stage->relay_pid());
  const std::int64_t ticks = ProcessorTicks(stage->relay_pid());
  std::this_thread::sleep_for(kIdle);
  rest.ticks = ProcessorTicks(stage->relay_pid()) - ticks;
  return rest;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <class Part>
std::vector<double> Each(const std::vector<Run>& runs, Part part) {
  std::vector<double> values;
  for (const Run& run : runs) values.push_back(part(run));
  return values;
}

void PrintRow(const char* what, const std::vector<Run>& runs) {
  const auto rates = Each(runs, [](const Run& run) { return run.hops.per_second; });
  const auto [low, high] = std::minmax_element(rates.begin(), rates.end());
  // How long a commit takes says whether the disk or the processor was the limit.
  const double commit_us =
      Median(Each(runs, [](const Run& run) { return run.hops.per_commit / run.hops.per_second * 1e6; }));
  std::printf("%-24s %8.0f (%.0f-%.0f) hops/s  %5.1f hops a commit  %6.0f us a commit", what, Median(rates), *low,
              *high, Median(Each(runs, [](const Run& run) { return run.hops.per_commit; })), commit_us);
  const double cpu = Median(Each(runs, [](const Run& run) { return run.relay_cpu_us; }));
  std::printf(cpu > 0 ? "  %5.1f us of relay CPU a hop\n" : "\n", cpu);
  std::fflush(stdout);
}

bool Bar(const char* name, double value, const char* sign, double limit) {
  const bool good = std::strcmp(sign, ">=") == 0 ? value >= limit : value <= limit;
  std::printf("bar %s value=%.2f limit%s%g %s\n", name, value, sign, limit, good ? "ok" : "short");
  return good;
}

struct Rounds {
  std::vector<Run> native;
  std::vector<Run> raw;
  std::vector<Run> python;
  std::vector<double> ratios;
};

Result<Rounds> MeasureRounds(const Programs& native, const Programs& python) {
  Rounds rounds;
  for (int round = 0; round < kRounds; ++round) {
    ASYA_TRY(Run ours, RunThrough(native, kNativeHops));
    // The batches that the relay and its broker made by themselves in this round are those that plain SQL is given.
    RawWork work;
    work.hops = kNativeHops;
    work.body_bytes = Stage::EnvelopeBytes();
    work.batch = static_cast<std::size_t>(std::max(1.0, std::round(ours.hops.per_commit)));
    const tests::TemporaryFolder folder;
    Run theirs;
    ASYA_TRY(theirs.hops, RawHops(folder.path(), work));
    rounds.ratios.push_back(ours.hops.per_second / theirs.hops.per_second);
    rounds.native.push_back(ours);
    rounds.raw.push_back(theirs);
    ASYA_TRY(Run interpreted, RunThrough(python, kPythonHops));
    rounds.python.push_back(interpreted);
  }
  return rounds;
}

Result<bool> Measure(const Programs& native, const Programs& python) {
  std::printf(
      "one relay, concurrency %d, SQLite with synchronous FULL, %zu bytes of payload; medians of %d (min-max)\n",
      kConcurrency, kPayloadBytes, kRounds);
  ASYA_TRY(const Rounds rounds, MeasureRounds(native, python));
  PrintRow("relay, native echo", rounds.native);
  PrintRow("plain SQL, one process", rounds.raw);
  PrintRow("relay, Python echo", rounds.python);
  ASYA_TRY(const Rest rest, RunIdle(native));
  const auto firsts = Each(rounds.native, [](const Run& run) { return run.first_call_ms; });
  const auto peaks = Each(rounds.native, [](const Run& run) { return run.resident_peak_mib; });
  const auto [least, most] = std::minmax_element(firsts.begin(), firsts.end());
  std::printf("start to first call %.1f ms (%.1f-%.1f)\n", Median(firsts), *least, *most);
  const double python_rate = Median(Each(rounds.python, [](const Run& run) { return run.hops.per_second; }));
  std::printf("aim relay-python-echo-hops-per-s value=%.0f aim>=%.0f %s\n", python_rate, kPythonHopsAim,
              python_rate >= kPythonHopsAim ? "reached" : "below");
  const bool bars[] = {
      Bar("relay-native-echo-over-plain-sql", Median(rounds.ratios), ">=", kRatioMin),
      Bar("relay-rss-idle-mib", rest.resident_mib, "<=", kResidentMaxMib),
      Bar("relay-rss-loaded-mib", *std::max_element(peaks.begin(), peaks.end()), "<=", kResidentMaxMib),
      Bar("relay-idle-ticks-in-30-s", static_cast<double>(rest.ticks), "<=", 0),
      Bar("relay-start-to-first-call-ms", Median(firsts), "<=", kFirstCallMaxMs),
  };
  return std::all_of(std::begin(bars), std::end(bars), [](bool good) { return good; });
}

int Main(const std::vector<std::string>& words) {
  Programs native;
  native.folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  Programs python = native;
  bool strict = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool more = i + 1 < words.size();
    if (words[i] == "--strict") {
      strict = true;
    } else if (words[i] == "--python" && more) {
      python.python = words[++i];
    } else if (words[i] == "--runtime" && more) {
      python.archive = std::filesystem::absolute(words[++i]);
    }
  }
  if (python.python.empty() || python.archive.empty()) {
    std::fprintf(stderr, "usage: bench_relay --python PYTHON --runtime ARCHIVE [--strict]\n");
    return 2;
  }
  const auto good = Measure(native, python);
  if (!good.ok()) {
    std::fprintf(stderr, "%s\n", good.error().message.c_str());
    return 1;
  }
  return strict && !*good ? 1 : 0;
}

}  // namespace
}  // namespace asya::bench

int main(int count, char** words) { return asya::bench::Main({words + 1, words + count}); }
