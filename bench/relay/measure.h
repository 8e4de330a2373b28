// Measure: one program that moves envelopes through a stage, and the parts of `make bench-relay` made of that.
#pragma once

#include <string>
#include <vector>

#include "bench/relay/stage.h"
#include "core/base/result.h"

namespace asya::bench {

struct Load {
  int hops = 10'000;
  std::size_t payload_bytes = kPayloadBytes;
  std::string raw{};       // the way of bench_raw_rabbitmq; empty: the relay
  std::string raw_last{};  // what stands last on its command line; empty: the folder of the runtime
};

struct Run {
  double per_second = 0;
  double per_commit = 0;  // hops
  double cpu_us = 0;      // of the program, each hop
  double resident_peak_mib = 0;
  double first_call_ms = 0;  // native runtime only
};

// A fifth of the hops warms up.
Result<Run> RunThrough(const Programs& programs, const OpenBackend& open, const Load& load);

struct Setting {
  Programs native;
  Programs python;
  std::string rabbitmq_url;  // empty: not there
  std::string postgres_dsn;  // empty: not there
  int rounds = 5;
};

// Each prints its rows and bars and says whether all were met.
Result<bool> MeasureSqlite(const Setting& setting);
Result<bool> MeasurePostgres(const Setting& setting);
Result<bool> MeasureRabbitmqClassic(const Setting& setting);
Result<bool> MeasureRabbitmqQuorum(const Setting& setting);
Result<bool> MeasureRabbitmqSerial(const Setting& setting);
Result<bool> MeasureRabbitmqSizes(const Setting& setting);
Result<bool> MeasureRabbitmqDelay(const Setting& setting);
Result<bool> MeasureRabbitmqLatency(const Setting& setting);
Result<bool> MeasureSqliteBurst(const Setting& setting);
Result<bool> MeasureRabbitmqBurst(const Setting& setting);

struct Rest {
  double resident_mib = 0;
  std::int64_t ticks = 0;  // of processor time in 30 s
};
// A relay that has worked once and then has nothing to do.
Result<Rest> RunIdle(const Programs& programs, const OpenBackend& open);

template <class Part>
std::vector<double> Each(const std::vector<Run>& runs, Part part) {
  std::vector<double> values;
  for (const Run& run : runs) values.push_back(run.*part);
  return values;
}

void PrintRow(const std::string& what, const std::vector<Run>& runs);

}  // namespace asya::bench
