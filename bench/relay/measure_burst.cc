// What a relay keeps of a burst of large payloads once it has nothing to do.
#include <algorithm>
#include <cstdio>
#include <thread>

#include "bench/relay/measure.h"
#include "bench/relay/report.h"
#include "bench/support/process_figures.h"

namespace asya::bench {
namespace {

constexpr int kHops = 400;
constexpr std::size_t kLargeBytes = std::size_t{256} * 1024;
constexpr std::chrono::seconds kIdle{10};
constexpr double kResidentMaxMib = 12;  // as at rest: what a burst needed is not kept

struct Burst {
  double before_mib = 0;
  double peak_mib = 0;
  double ended_mib = 0;  // at once
  double after_mib = 0;  // idle for a while
};

Result<Burst> RunBurst(const Programs& programs, const OpenBackend& open) {
  ASYA_TRY(const auto stage, Stage::Open(programs, open));
  stage->StartRelay();
  ASYA_TRY_STATUS(stage->Publish(1));
  ASYA_TRY_STATUS(stage->UntilPassed(1));
  Burst burst;
  burst.before_mib = ResidentMib(stage->relay_pid());
  ASYA_TRY_STATUS(stage->Publish(kHops, kLargeBytes));
  ASYA_TRY_STATUS(stage->UntilPassed(kHops + 1));
  burst.ended_mib = ResidentMib(stage->relay_pid());
  std::this_thread::sleep_for(kIdle);
  burst.after_mib = ResidentMib(stage->relay_pid());
  burst.peak_mib = ResidentPeakMib(stage->relay_pid());
  return burst;
}

Result<bool> MeasureOn(const Setting& setting, const std::string& name, const OpenBackend& open) {
  std::vector<double> before, peak, ended, after;
  for (int round = 0; round < setting.rounds; ++round) {
    ASYA_TRY(const Burst burst, RunBurst(setting.native, open));
    before.push_back(burst.before_mib);
    peak.push_back(burst.peak_mib);
    ended.push_back(burst.ended_mib);
    after.push_back(burst.after_mib);
  }
  std::printf("\n%s, %d payloads of 256 KiB, concurrency %d; resident MiB, medians of %d (min-max)\n", name.c_str(),
              kHops, kConcurrency, setting.rounds);
  std::printf("before %s, peak %s, at the end %s, idle for %d s %s\n", Spread(before, 1).c_str(),
              Spread(peak, 1).c_str(), Spread(ended, 1).c_str(), static_cast<int>(kIdle.count()),
              Spread(after, 1).c_str());
  return Bar(name + "-rss-after-burst-mib", *std::max_element(after.begin(), after.end()), "<=", kResidentMaxMib);
}

}  // namespace

Result<bool> MeasureSqliteBurst(const Setting& setting) { return MeasureOn(setting, "relay", OnSqlite()); }

Result<bool> MeasureRabbitmqBurst(const Setting& setting) {
  return MeasureOn(setting, "rabbitmq", OnRabbitmq(setting.rabbitmq_url, QueueKind::kQuorum));
}

}  // namespace asya::bench
