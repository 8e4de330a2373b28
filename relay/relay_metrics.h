// RelayMetrics: the metrics of spec 05, as handles that the data path only adds to.
#pragma once

#include <map>
#include <string>

#include "core/observe/metrics.h"

namespace asya::relay {

// Counters of one name that differ by their labels; each is made when it is first counted.
class CounterFamily {
 public:
  CounterFamily(observe::Metrics& metrics, std::string name, std::string help)
      : metrics_(metrics), name_(std::move(name)), help_(std::move(help)) {}
  void Add(const observe::MetricLabels& labels);

 private:
  static constexpr std::size_t kSeriesLimit = 500;
  observe::Metrics& metrics_;
  std::string name_;
  std::string help_;
  std::map<observe::MetricLabels, observe::Counter> counters_;
};

struct RelayMetrics {
  RelayMetrics(observe::Metrics& metrics, const std::string& prefix, const std::string& queue_name,
               const std::string& transport);

  std::string queue;
  observe::Counter received;
  CounterFamily processed;       // {queue,status}
  CounterFamily sent;            // {destination_queue,message_type}
  CounterFamily failed;          // {queue,reason}
  CounterFamily runtime_errors;  // {queue,error_type}
  observe::Counter redeliveries;
  observe::Counter reconnects;
  observe::Histogram processing;
  observe::Histogram execution;
  observe::Histogram receive;
  observe::Histogram send;
  observe::Histogram size_in;
  observe::Histogram size_out;
  observe::Histogram queue_wait;
  observe::Gauge active;
  observe::Gauge in_flight;

  void Processed(const std::string& status) { processed.Add({{"queue", queue}, {"status", status}}); }
  void Failed(const std::string& reason) { failed.Add({{"queue", queue}, {"reason", reason}}); }
};

}  // namespace asya::relay
