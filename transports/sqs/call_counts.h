// CallCounts: how often SQS was asked, since each call is paid for.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "core/observe/metrics.h"
#include "transports/sqs/requests.h"

namespace asya::transports::sqs {

class CallCounts {
 public:
  // PREFIX_sqs_calls_total{action,outcome}, PREFIX_sqs_retries_total{action}, PREFIX_sqs_empty_receives_total,
  // PREFIX_sqs_messages_received_total and PREFIX_sqs_calls_under_way.
  CallCounts(observe::Metrics& metrics, const std::string& prefix)
      : metrics_(metrics),
        prefix_(prefix),
        empty_(metrics.MakeCounter(prefix + "_sqs_empty_receives_total", "Long polls of SQS that brought nothing.")),
        messages_(metrics.MakeCounter(prefix + "_sqs_messages_received_total", "Messages that SQS handed over.")),
        under_way_(metrics.MakeGauge(prefix + "_sqs_calls_under_way", "Calls of SQS that are not answered.")) {}

  void Began() { under_way_.Add(1); }
  // `outcome`: "ok" or the name of an error code. Each attempt is one.
  void Ended(Action action, const std::string& outcome) {
    under_way_.Add(-1);
    Of("_sqs_calls_total", "Calls of SQS, each attempt.", {{"action", NameOf(action)}, {"outcome", outcome}}).Add();
  }
  void Retried(Action action) {
    Of("_sqs_retries_total", "Calls of SQS that were made again.", {{"action", NameOf(action)}}).Add();
  }
  void Received(std::size_t count) {
    if (count == 0) empty_.Add();
    messages_.Add(static_cast<double>(count));
  }

 private:
  observe::Counter& Of(const std::string& name, const std::string& help, const observe::MetricLabels& labels) {
    const auto key = std::pair(name, labels);
    auto found = counters_.find(key);
    if (found == counters_.end()) {
      found = counters_.emplace(key, metrics_.MakeCounter(prefix_ + name, help, labels)).first;
    }
    return found->second;
  }

  observe::Metrics& metrics_;
  const std::string prefix_;
  observe::Counter empty_;
  observe::Counter messages_;
  observe::Gauge under_way_;
  std::map<std::pair<std::string, observe::MetricLabels>, observe::Counter> counters_;  // bounded by actions and codes
};

}  // namespace asya::transports::sqs
