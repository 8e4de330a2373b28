// RelayMetrics: the metrics of spec 05, as handles that the data path only adds to.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "core/observe/metrics.h"

namespace asya::relay {

// Counters of one name that differ by the values of two labels; each is made when it is first counted.
class CounterFamily {
 public:
  CounterFamily(observe::Metrics& metrics, std::string name, std::string help, std::string first, std::string second)
      : metrics_(metrics),
        name_(std::move(name)),
        help_(std::move(help)),
        first_(std::move(first)),
        second_(std::move(second)) {}
  CounterFamily(const CounterFamily&) = delete;
  CounterFamily& operator=(const CounterFamily&) = delete;
  // By the value of the first label and of the second.
  void Add(std::string_view first, std::string_view second);

 private:
  static constexpr std::size_t kSeriesLimit = 500;
  using Values = std::pair<std::string, std::string>;
  struct Less {
    using is_transparent = void;
    using Views = std::pair<std::string_view, std::string_view>;
    bool operator()(const Views& left, const Views& right) const { return left < right; }
  };
  observe::Metrics& metrics_;
  std::string name_;
  std::string help_;
  std::string first_;
  std::string second_;
  std::map<Values, observe::Counter, Less> counters_;
  std::map<Values, observe::Counter, Less>::iterator last_ = counters_.end();  // counted; usually it is so again
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

  void Processed(std::string_view status) { processed.Add(queue, status); }
  void Failed(std::string_view reason) { failed.Add(queue, reason); }
};

}  // namespace asya::relay
