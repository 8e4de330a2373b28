// How much later a message comes through a relay with a Python echo than through a raw forwarder in its place.
#include <poll.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <optional>

#include "bench/relay/measure.h"
#include "bench/relay/report.h"
#include "model/envelope.h"
#include "transports/rabbitmq/link.h"

namespace asya::bench {
namespace {

namespace rabbitmq = transports::rabbitmq;
using rabbitmq::Arrival;
using rabbitmq::Link;
using rabbitmq::MethodId;

constexpr int kWarmMessages = 200;
constexpr int kMessages = 2'000;
constexpr double kMedianMaxMs = 0.3;
constexpr double kTailMaxMs = 1.5;
constexpr std::chrono::seconds kPatience{30};

// Sends one message at a time into the first queue and takes it out of the next.
class Probe {
 public:
  explicit Probe(const rabbitmq::BrokerAddress& address)
      : link_({address, "probe"}, RealClock(), [this](const Arrival& arrival) { Take(arrival); }) {}

  Status Open() {
    ASYA_TRY_STATUS(link_.Begin());
    ASYA_TRY_STATUS(Until([this] { return link_.open(); }));
    link_.Send(1, rabbitmq::OpenChannel());
    link_.Send(1, rabbitmq::Consume(model::QueueName(kNamespace, kNextActor), "probe"));
    return Until([this] { return consuming_; });
  }
  Result<double> RoundTripMs(const std::string& body) {
    arrived_ = false;
    rabbitmq::Properties properties;
    properties.message_id = "probe";
    const auto began = std::chrono::steady_clock::now();
    link_.Send(1, rabbitmq::Publish("", model::QueueName(kNamespace, kActor)));
    link_.SendContent(1, properties, body);
    ASYA_TRY_STATUS(Until([this] { return arrived_; }));
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  }

 private:
  void Take(const Arrival& arrival) {
    if (arrival.method.id == MethodId::kConsumeOk) consuming_ = true;
    if (arrival.method.id != MethodId::kDeliver) return;
    arrived_ = true;
    link_.Send(1, rabbitmq::Ack(arrival.method.tag, false));
  }
  Status Until(const std::function<bool()>& done) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!done()) {
      if (std::chrono::steady_clock::now() > until) return Fail(ErrorCode::kTimeout, "no message came through");
      ASYA_TRY_STATUS(link_.Flush());
      pollfd ready{link_.fd(), static_cast<short>(link_.wants_write() ? POLLIN | POLLOUT : POLLIN), 0};
      poll(&ready, 1, 1000);
      ASYA_TRY_STATUS(link_.Advance());
    }
    return Ok();
  }

  Link link_;
  bool consuming_ = false;
  bool arrived_ = false;
};

struct Latency {
  std::vector<double> medians_ms;
  std::vector<double> tails_ms;  // p99
};

Status AddRound(const Setting& setting, const Programs& programs, bool raw, Latency& latency) {
  ASYA_TRY(const auto stage, Stage::Open(programs, OnRabbitmq(setting.rabbitmq_url, QueueKind::kQuorum)));
  if (raw) {
    stage->StartRaw("pipelined", "1");
  } else {
    stage->StartRelay();
  }
  ASYA_TRY(const auto address, rabbitmq::ParseBrokerUrl(setting.rabbitmq_url));
  Probe probe(address);
  ASYA_TRY_STATUS(probe.Open());
  std::vector<double> all;
  for (int i = 0; i < kWarmMessages + kMessages; ++i) {
    ASYA_TRY(const double ms, probe.RoundTripMs(Stage::EnvelopeOf(i)));
    if (i >= kWarmMessages) all.push_back(ms);
  }
  std::sort(all.begin(), all.end());
  latency.medians_ms.push_back(all[all.size() / 2]);
  latency.tails_ms.push_back(all[all.size() * 99 / 100]);
  return Ok();
}

void Print(const char* what, const Latency& latency) {
  std::printf("%-44s p50 %s ms, p99 %s ms\n", what, Spread(latency.medians_ms, 3).c_str(),
              Spread(latency.tails_ms, 3).c_str());
}

double MedianDifference(const std::vector<double>& ours, const std::vector<double>& theirs) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < ours.size(); ++i) differences.push_back(ours[i] - theirs[i]);
  return Median(differences);
}

}  // namespace

Result<bool> MeasureRabbitmqLatency(const Setting& setting) {
  Latency raw;
  Latency native;
  Latency python;
  for (int round = 0; round < setting.rounds; ++round) {
    ASYA_TRY_STATUS(AddRound(setting, setting.native, true, raw));
    ASYA_TRY_STATUS(AddRound(setting, setting.native, false, native));
    ASYA_TRY_STATUS(AddRound(setting, setting.python, false, python));
  }
  std::printf("\nRabbitMQ, quorum queues, one message at a time, there and back; medians of %d (min-max)\n",
              setting.rounds);
  Print("raw forwarder, prefetch 1", raw);
  Print("relay, native echo", native);
  Print("relay, Python echo", python);
  const bool bars[] = {
      Bar("rabbitmq-hop-p50-over-raw-ms", MedianDifference(python.medians_ms, raw.medians_ms), "<=", kMedianMaxMs),
      Bar("rabbitmq-hop-p99-over-raw-ms", MedianDifference(python.tails_ms, raw.tails_ms), "<=", kTailMaxMs)};
  return bars[0] && bars[1];
}

}  // namespace asya::bench
