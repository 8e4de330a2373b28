#include "bench/relay/measure.h"

#include <algorithm>
#include <cstdio>
#include <thread>

#include "bench/relay/report.h"
#include "bench/support/process_figures.h"

namespace asya::bench {
namespace {

constexpr int kWarmPart = 5;  // one hop in so many warms up
constexpr std::chrono::seconds kIdle{30};

}  // namespace

Result<Run> RunThrough(const Programs& programs, const OpenBackend& open, const Load& load) {
  ASYA_TRY(const auto stage, Stage::Open(programs, open));
  ASYA_TRY_STATUS(stage->Publish(load.hops, load.payload_bytes));
  if (load.raw.empty()) {
    stage->StartRelay();
  } else {
    stage->StartRaw(load.raw, load.raw_last.empty() ? stage->folder() : load.raw_last);
  }
  ASYA_TRY(const SteadyTime began, stage->UntilPassed(load.hops / kWarmPart));
  const std::int64_t before = stage->passed();
  const std::int64_t commits = stage->commits();
  const double cpu = ProcessorSeconds(stage->relay_pid());
  ASYA_TRY(const SteadyTime ended, stage->UntilPassed(load.hops));
  const auto measured = static_cast<double>(load.hops - before);
  Run run;
  run.per_second = measured / std::chrono::duration<double>(ended - began).count();
  const std::int64_t made = stage->commits() - commits;
  run.per_commit = made > 0 ? measured / static_cast<double>(made) : 0;
  run.cpu_us = (ProcessorSeconds(stage->relay_pid()) - cpu) / measured * 1e6;
  run.resident_peak_mib = ResidentPeakMib(stage->relay_pid());
  if (programs.archive.empty() && load.raw.empty())
    run.first_call_ms = std::chrono::duration<double, std::milli>(stage->StartToFirstCall()).count();
  return run;
}

Result<Rest> RunIdle(const Programs& programs, const OpenBackend& open) {
  ASYA_TRY(const auto stage, Stage::Open(programs, open));
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

void PrintRow(const std::string& what, const std::vector<Run>& runs) {
  std::printf("%-44s %24s hops/s", what.c_str(), Spread(Each(runs, &Run::per_second)).c_str());
  if (const double batch = Median(Each(runs, &Run::per_commit)); batch > 0) {
    // How long a commit takes says whether the disk or the processor was the limit.
    std::printf("  %5.1f hops a commit of %.0f us", batch, batch / Median(Each(runs, &Run::per_second)) * 1e6);
  }
  if (Median(Each(runs, &Run::cpu_us)) > 0)
    std::printf("  %s us CPU a hop", Spread(Each(runs, &Run::cpu_us), 1).c_str());
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace asya::bench
