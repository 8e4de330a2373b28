// One relay on RabbitMQ, beside a raw client that hops as fast as it goes, and beside the serial pattern.
#include <algorithm>
#include <array>
#include <cstdio>

#include "bench/relay/measure.h"
#include "bench/relay/report.h"
#include "bench/support/slow_proxy.h"
#include "transports/rabbitmq/address.h"

namespace asya::bench {
namespace {

// What a relay of concurrency 16 with a quick handler may hold: four times its concurrency.
constexpr int kPrefetch = 64;
constexpr int kNativeHops = 20'000;
constexpr int kPythonHops = 10'000;
constexpr int kSerialHops = 2'000;
constexpr double kRawRatioMin = 0.7;
constexpr double kRawRatioAim = 0.9;
constexpr double kSerialRatioMin = 4;
constexpr double kPythonHopsAim = 6000;
constexpr double kSlowSerialRatioMin = 7;
constexpr double kLargeRatioMin = 0.6;
constexpr double kCpuRatioMax = 2.5;
constexpr double kResidentMaxMib = 12;
constexpr double kFirstCallMaxMs = 50;

const char* NameOf(QueueKind kind) { return kind == QueueKind::kClassic ? "classic" : "quorum"; }

Load Raw(const Load& load) { return {load.hops, load.payload_bytes, "pipelined", std::to_string(kPrefetch)}; }

std::vector<double> Ratios(const std::vector<Run>& ours, const std::vector<Run>& theirs, double Run::*part) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i].*part / (theirs[i].*part));
  return ratios;
}

// The runs of each load, one of each in every round.
template <std::size_t kLoads>
Result<std::array<std::vector<Run>, kLoads>> RunBeside(const Setting& setting, const Programs& programs,
                                                       const OpenBackend& open, const Load (&loads)[kLoads]) {
  std::array<std::vector<Run>, kLoads> runs;
  for (int round = 0; round < setting.rounds; ++round) {
    for (std::size_t i = 0; i < kLoads; ++i) {
      ASYA_TRY(runs.at(i).emplace_back(), RunThrough(programs, open, loads[i]));
    }
  }
  return runs;
}

void PrintTitle(const Setting& setting, const std::string& what) {
  std::printf("\nRabbitMQ, %s, concurrency %d; medians of %d (min-max)\n", what.c_str(), kConcurrency, setting.rounds);
}

Result<bool> MeasureWeight(const Setting& setting, const OpenBackend& open, const std::vector<Run>& loaded) {
  const auto firsts = Each(loaded, &Run::first_call_ms);
  const auto peaks = Each(loaded, &Run::resident_peak_mib);
  ASYA_TRY(const Rest rest, RunIdle(setting.native, open));
  std::printf("start to first call %s ms\n", Spread(firsts, 1).c_str());
  const bool bars[] = {
      Bar("rabbitmq-rss-idle-mib", rest.resident_mib, "<=", kResidentMaxMib),
      Bar("rabbitmq-rss-loaded-mib", *std::max_element(peaks.begin(), peaks.end()), "<=", kResidentMaxMib),
      Bar("rabbitmq-idle-ticks-in-30-s", static_cast<double>(rest.ticks), "<=", 0),
      Bar("rabbitmq-start-to-first-call-ms", Median(firsts), "<=", kFirstCallMaxMs),
  };
  return std::all_of(std::begin(bars), std::end(bars), [](bool good) { return good; });
}

Result<bool> MeasureNative(const Setting& setting, QueueKind kind) {
  const OpenBackend open = OnRabbitmq(setting.rabbitmq_url, kind);
  // What the bar leaves to a relay is what it takes beyond the calling client.
  ASYA_TRY(const auto runs,
           RunBeside(setting, setting.native, open,
                     {Raw({kNativeHops}), {kNativeHops, kPayloadBytes, "calling", ""}, {kNativeHops}}));
  const auto& [raw, calling, ours] = runs;
  PrintTitle(setting, std::string(NameOf(kind)) + " queues");
  PrintRow("raw pipelined client, prefetch " + std::to_string(kPrefetch), raw);
  PrintRow("the least that calls a runtime, native echo", calling);
  PrintRow("relay, native echo", ours);
  const std::string bar = std::string("rabbitmq-") + NameOf(kind);
  const double ratio = Median(Ratios(ours, raw, &Run::per_second));
  bool good = Bar(bar + "-native-echo-over-raw", ratio, ">=", kRawRatioMin);
  Aim(bar + "-native-echo-over-raw", ratio, kRawRatioAim);
  good &= Bar(bar + "-cpu-over-raw", Median(Ratios(ours, raw, &Run::cpu_us)), "<=", kCpuRatioMax);
  if (kind == QueueKind::kQuorum) {
    ASYA_TRY(const bool light, MeasureWeight(setting, open, ours));
    good &= light;
  }
  return good;
}

Result<bool> MeasureSerial(const Setting& setting, QueueKind kind) {
  const OpenBackend open = OnRabbitmq(setting.rabbitmq_url, kind);
  ASYA_TRY(const auto runs,
           RunBeside(setting, setting.python, open, {{kSerialHops, kPayloadBytes, "serial", ""}, {kPythonHops}}));
  const auto& [theirs, ours] = runs;
  PrintTitle(setting, std::string(NameOf(kind)) + " queues");
  PrintRow("serial pattern, Python echo", theirs);
  PrintRow("relay, Python echo", ours);
  const std::string bar = std::string("rabbitmq-") + NameOf(kind);
  const double ratio = Median(Ratios(ours, theirs, &Run::per_second));
  const bool good = Bar(bar + "-python-echo-over-serial", ratio, ">=", kSerialRatioMin);
  Aim(bar + "-python-echo-hops-per-s", Median(Each(ours, &Run::per_second)), kPythonHopsAim);
  return good;
}

struct Size {
  const char* name;
  Load load;
};

}  // namespace

Result<bool> MeasureRabbitmqClassic(const Setting& setting) { return MeasureNative(setting, QueueKind::kClassic); }

Result<bool> MeasureRabbitmqQuorum(const Setting& setting) { return MeasureNative(setting, QueueKind::kQuorum); }

Result<bool> MeasureRabbitmqSerial(const Setting& setting) {
  ASYA_TRY(const bool classic, MeasureSerial(setting, QueueKind::kClassic));
  ASYA_TRY(const bool quorum, MeasureSerial(setting, QueueKind::kQuorum));
  return classic && quorum;
}

Result<bool> MeasureRabbitmqSizes(const Setting& setting) {
  const OpenBackend open = OnRabbitmq(setting.rabbitmq_url, QueueKind::kQuorum);
  bool good = true;
  for (const Size& size : {Size{"16k", {4'000, 16 * 1024}}, Size{"256k", {400, 256 * 1024}}}) {
    ASYA_TRY(const auto runs, RunBeside(setting, setting.native, open, {Raw(size.load), size.load}));
    const auto& [theirs, ours] = runs;
    PrintTitle(setting, std::string("quorum queues, payloads of ") + size.name);
    PrintRow("raw pipelined client, prefetch " + std::to_string(kPrefetch), theirs);
    PrintRow("relay, native echo", ours);
    good &= Bar(std::string("rabbitmq-") + size.name + "-native-echo-over-raw",
                Median(Ratios(ours, theirs, &Run::per_second)), ">=", kLargeRatioMin);
  }
  return good;
}

Result<bool> MeasureRabbitmqDelay(const Setting& setting) {
  // A quarter each way makes the half millisecond that a round trip takes longer.
  constexpr std::chrono::microseconds kEachWay{250};
  ASYA_TRY(const auto address, transports::rabbitmq::ParseBrokerUrl(setting.rabbitmq_url));
  const SlowProxy proxy(static_cast<std::uint16_t>(std::stoi(address.port)), kEachWay);
  const OpenBackend open = OnRabbitmq(setting.rabbitmq_url, QueueKind::kQuorum, std::to_string(proxy.port()));
  ASYA_TRY(const auto runs,
           RunBeside(setting, setting.python, open, {{kSerialHops / 2, kPayloadBytes, "serial", ""}, {kPythonHops}}));
  const auto& [theirs, ours] = runs;
  PrintTitle(setting, "quorum queues, round trips 0.5 ms longer by a proxy");
  PrintRow("serial pattern, Python echo", theirs);
  PrintRow("relay, Python echo", ours);
  return Bar("rabbitmq-delayed-python-echo-over-serial", Median(Ratios(ours, theirs, &Run::per_second)),
             ">=", kSlowSerialRatioMin);
}

}  // namespace asya::bench
