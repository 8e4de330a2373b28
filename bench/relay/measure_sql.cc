// One relay on the SQL transports, beside plain SQL that does the same rows in the same batches.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "bench/relay/measure.h"
#include "bench/relay/report.h"
#include "bench/transports/measure.h"

namespace asya::bench {
namespace {

constexpr double kRatioMin = 0.7;
constexpr double kSqlitePythonHopsAim = 5000;
constexpr double kSqliteResidentMaxMib = 12;
constexpr double kPostgresResidentMaxMib = 20;
constexpr double kFirstCallMaxMs = 50;

struct Beside {
  std::string name;  // of the database
  std::string bar;   // what the names of its bars begin with
  OpenBackend open;
  std::function<Result<Hops>(const RawWork& work)> raw;
  Load native;
  Load python;
  double resident_max_mib = 0;
};

struct Rounds {
  std::vector<Run> native;
  std::vector<Run> raw;
  std::vector<Run> python;
  std::vector<double> ratios;
};

Result<Rounds> MeasureRounds(const Setting& setting, const Beside& beside) {
  Rounds rounds;
  for (int round = 0; round < setting.rounds; ++round) {
    ASYA_TRY(const Run ours, RunThrough(setting.native, beside.open, beside.native));
    // The batches that the relay and its broker made by themselves in this round are those that plain SQL is given.
    RawWork work;
    work.hops = beside.native.hops;
    work.body_bytes = Stage::EnvelopeBytes();
    work.batch = static_cast<std::size_t>(std::max(1.0, std::round(ours.per_commit)));
    ASYA_TRY(const Hops hops, beside.raw(work));
    Run theirs;
    theirs.per_second = hops.per_second;
    theirs.per_commit = hops.per_commit;
    rounds.ratios.push_back(ours.per_second / theirs.per_second);
    rounds.native.push_back(ours);
    rounds.raw.push_back(theirs);
    ASYA_TRY(Run interpreted, RunThrough(setting.python, beside.open, beside.python));
    rounds.python.push_back(interpreted);
  }
  return rounds;
}

Result<bool> Measure(const Setting& setting, const Beside& beside) {
  std::printf("\n%s, synced, concurrency %d, %zu bytes of payload; medians of %d (min-max)\n", beside.name.c_str(),
              kConcurrency, kPayloadBytes, setting.rounds);
  ASYA_TRY(const Rounds rounds, MeasureRounds(setting, beside));
  PrintRow("relay, native echo", rounds.native);
  PrintRow("plain SQL, one process", rounds.raw);
  PrintRow("relay, Python echo", rounds.python);
  ASYA_TRY(const Rest rest, RunIdle(setting.native, beside.open));
  const auto firsts = Each(rounds.native, &Run::first_call_ms);
  const auto peaks = Each(rounds.native, &Run::resident_peak_mib);
  std::printf("start to first call %s ms\n", Spread(firsts, 1).c_str());
  if (beside.bar == "relay") {
    Aim("relay-python-echo-hops-per-s", Median(Each(rounds.python, &Run::per_second)), kSqlitePythonHopsAim);
  }
  const bool bars[] = {
      Bar(beside.bar + "-native-echo-over-plain-sql", Median(rounds.ratios), ">=", kRatioMin),
      Bar(beside.bar + "-rss-idle-mib", rest.resident_mib, "<=", beside.resident_max_mib),
      Bar(beside.bar + "-rss-loaded-mib", *std::max_element(peaks.begin(), peaks.end()), "<=", beside.resident_max_mib),
      Bar(beside.bar + "-idle-ticks-in-30-s", static_cast<double>(rest.ticks), "<=", 0),
      Bar(beside.bar + "-start-to-first-call-ms", Median(firsts), "<=", kFirstCallMaxMs),
  };
  return std::all_of(std::begin(bars), std::end(bars), [](bool good) { return good; });
}

}  // namespace

Result<bool> MeasureSqlite(const Setting& setting) {
  const auto raw = [](const RawWork& work) {
    const tests::TemporaryFolder folder;
    return RawHops(folder.path(), work);
  };
  return Measure(setting, {"SQLite", "relay", OnSqlite(), raw, {10'000}, {6'000}, kSqliteResidentMaxMib});
}

Result<bool> MeasurePostgres(const Setting& setting) {
  const auto raw = [&](const RawWork& work) { return RawPostgresHops(setting.postgres_dsn, work); };
  return Measure(setting, {"PostgreSQL",
                           "postgres-relay",
                           OnPostgres(setting.postgres_dsn),
                           raw,
                           {6'000},
                           {4'000},
                           kPostgresResidentMaxMib});
}

}  // namespace asya::bench
