// One relay on RabbitMQ, beside a raw client that hops as fast as it goes, and beside the serial pattern.
#include <algorithm>
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

struct Rounds {
  std::vector<Run> raw;
  std::vector<Run> native;
  std::vector<Run> serial;
  std::vector<Run> python;
};

Result<bool> MeasureHops(const Setting& setting, QueueKind kind) {
  const OpenBackend open = OnRabbitmq(setting.rabbitmq_url, kind);
  Rounds rounds;
  for (int round = 0; round < setting.rounds; ++round) {
    ASYA_TRY(Run raw, RunThrough(setting.native, open, Raw({kNativeHops})));
    ASYA_TRY(Run native, RunThrough(setting.native, open, {kNativeHops}));
    ASYA_TRY(Run serial, RunThrough(setting.python, open, {kSerialHops, kPayloadBytes, "serial", ""}));
    ASYA_TRY(Run python, RunThrough(setting.python, open, {kPythonHops}));
    rounds.raw.push_back(raw);
    rounds.native.push_back(native);
    rounds.serial.push_back(serial);
    rounds.python.push_back(python);
  }
  std::printf("\nRabbitMQ, %s queues, concurrency %d, %zu bytes of payload; medians of %d (min-max)\n", NameOf(kind),
              kConcurrency, kPayloadBytes, setting.rounds);
  PrintRow("raw pipelined client, prefetch " + std::to_string(kPrefetch), rounds.raw);
  PrintRow("relay, native echo", rounds.native);
  PrintRow("serial pattern, Python echo", rounds.serial);
  PrintRow("relay, Python echo", rounds.python);
  const std::string bar = std::string("rabbitmq-") + NameOf(kind);
  const double ratio = Median(Ratios(rounds.native, rounds.raw, &Run::per_second));
  bool good = Bar(bar + "-native-echo-over-raw", ratio, ">=", kRawRatioMin);
  Aim(bar + "-native-echo-over-raw", ratio, kRawRatioAim);
  good &= Bar(bar + "-python-echo-over-serial", Median(Ratios(rounds.python, rounds.serial, &Run::per_second)),
              ">=", kSerialRatioMin);
  Aim(bar + "-python-echo-hops-per-s", Median(Each(rounds.python, &Run::per_second)), kPythonHopsAim);
  good &= Bar(bar + "-cpu-over-raw", Median(Ratios(rounds.native, rounds.raw, &Run::cpu_us)), "<=", kCpuRatioMax);
  if (kind == QueueKind::kQuorum) {
    const auto firsts = Each(rounds.native, &Run::first_call_ms);
    const auto peaks = Each(rounds.native, &Run::resident_peak_mib);
    ASYA_TRY(const Rest rest, RunIdle(setting.native, open));
    std::printf("start to first call %s ms\n", Spread(firsts, 1).c_str());
    good &= Bar("rabbitmq-rss-idle-mib", rest.resident_mib, "<=", kResidentMaxMib);
    good &= Bar("rabbitmq-rss-loaded-mib", *std::max_element(peaks.begin(), peaks.end()), "<=", kResidentMaxMib);
    good &= Bar("rabbitmq-idle-ticks-in-30-s", static_cast<double>(rest.ticks), "<=", 0);
    good &= Bar("rabbitmq-start-to-first-call-ms", Median(firsts), "<=", kFirstCallMaxMs);
  }
  return good;
}

struct Size {
  const char* name;
  Load load;
};

}  // namespace

Result<bool> MeasureRabbitmqHops(const Setting& setting) {
  ASYA_TRY(const bool classic, MeasureHops(setting, QueueKind::kClassic));
  ASYA_TRY(const bool quorum, MeasureHops(setting, QueueKind::kQuorum));
  return classic && quorum;
}

Result<bool> MeasureRabbitmqSizes(const Setting& setting) {
  std::printf("\nRabbitMQ, quorum queues, larger payloads; medians of %d (min-max)\n", setting.rounds);
  const OpenBackend open = OnRabbitmq(setting.rabbitmq_url, QueueKind::kQuorum);
  bool good = true;
  for (const Size& size : {Size{"16k", {4'000, 16 * 1024}}, Size{"256k", {400, 256 * 1024}}}) {
    std::vector<Run> raw;
    std::vector<Run> native;
    for (int round = 0; round < setting.rounds; ++round) {
      ASYA_TRY(Run theirs, RunThrough(setting.native, open, Raw(size.load)));
      ASYA_TRY(Run ours, RunThrough(setting.native, open, size.load));
      raw.push_back(theirs);
      native.push_back(ours);
    }
    PrintRow(std::string("raw pipelined client, ") + size.name, raw);
    PrintRow(std::string("relay, native echo, ") + size.name, native);
    good &= Bar(std::string("rabbitmq-") + size.name + "-native-echo-over-raw",
                Median(Ratios(native, raw, &Run::per_second)), ">=", kLargeRatioMin);
  }
  return good;
}

Result<bool> MeasureRabbitmqDelay(const Setting& setting) {
  // A quarter each way makes the half millisecond that a round trip takes longer.
  constexpr std::chrono::microseconds kEachWay{250};
  ASYA_TRY(const auto address, transports::rabbitmq::ParseBrokerUrl(setting.rabbitmq_url));
  const SlowProxy proxy(static_cast<std::uint16_t>(std::stoi(address.port)), kEachWay);
  const OpenBackend open = OnRabbitmq(setting.rabbitmq_url, QueueKind::kQuorum, std::to_string(proxy.port()));
  std::printf("\nRabbitMQ, quorum queues, round trips 0.5 ms longer by a proxy; medians of %d (min-max)\n",
              setting.rounds);
  std::vector<Run> serial;
  std::vector<Run> python;
  for (int round = 0; round < setting.rounds; ++round) {
    ASYA_TRY(Run theirs, RunThrough(setting.python, open, {kSerialHops / 2, kPayloadBytes, "serial", ""}));
    ASYA_TRY(Run ours, RunThrough(setting.python, open, {kPythonHops}));
    serial.push_back(theirs);
    python.push_back(ours);
  }
  PrintRow("serial pattern, Python echo", serial);
  PrintRow("relay, Python echo", python);
  return Bar("rabbitmq-delayed-python-echo-over-serial", Median(Ratios(python, serial, &Run::per_second)),
             ">=", kSlowSerialRatioMin);
}

}  // namespace asya::bench
