#include "relay/relay_metrics.h"

#include <vector>

namespace asya::relay {
namespace {

const std::vector<double>& Seconds() {
  static const std::vector<double> kBounds = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                              1,     2.5,   5,    10,    30,   60,  120};
  return kBounds;
}

const std::vector<double>& Bytes() {
  static const std::vector<double> kBounds = {100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
  return kBounds;
}

}  // namespace

void CounterFamily::Add(std::string_view first, std::string_view second) {
  if (last_ != counters_.end() && last_->first.first == first && last_->first.second == second) {
    last_->second.Add();
    return;
  }
  auto found = counters_.find(Less::Views(first, second));
  if (found == counters_.end()) {
    if (counters_.size() >= kSeriesLimit) first = second = "other";
    found = counters_.find(Less::Views(first, second));
  }
  if (found == counters_.end()) {
    const observe::MetricLabels labels{{first_, std::string(first)}, {second_, std::string(second)}};
    found = counters_.emplace(Values(first, second), metrics_.MakeCounter(name_, help_, labels)).first;
  }
  last_ = found;
  found->second.Add();
}

RelayMetrics::RelayMetrics(observe::Metrics& metrics, const std::string& prefix, const std::string& queue_name,
                           const std::string& transport)
    : queue(queue_name),
      received(metrics.MakeCounter(prefix + "_messages_received_total", "Messages taken from the queue",
                                   {{"queue", queue_name}, {"transport", transport}})),
      processed(metrics, prefix + "_messages_processed_total", "Messages settled, by what became of them", "queue",
                "status"),
      sent(metrics, prefix + "_messages_sent_total", "Messages published", "destination_queue", "message_type"),
      failed(metrics, prefix + "_messages_failed_total", "Messages that ended without success, by reason", "queue",
             "reason"),
      runtime_errors(metrics, prefix + "_runtime_errors_total", "Errors of the handler, by their type", "queue",
                     "error_type"),
      redeliveries(metrics.MakeCounter(prefix + "_redeliveries_total",
                                       "Messages received after a call that never reported", {{"queue", queue_name}})),
      reconnects(metrics.MakeCounter(prefix + "_reconnects_total", "Connections to the broker that were made again",
                                     {{"queue", queue_name}})),
      processing(metrics.MakeHistogram(prefix + "_processing_duration_seconds", "From receipt to settlement", Seconds(),
                                       {{"queue", queue_name}})),
      execution(metrics.MakeHistogram(prefix + "_runtime_execution_duration_seconds", "Calls of the handler", Seconds(),
                                      {{"queue", queue_name}})),
      receive(metrics.MakeHistogram(prefix + "_queue_receive_duration_seconds", "From credit granted to receipt",
                                    Seconds(), {{"queue", queue_name}, {"transport", transport}})),
      send(metrics.MakeHistogram(prefix + "_queue_send_duration_seconds", "Settlements, until they were durable",
                                 Seconds(), {{"queue", queue_name}, {"transport", transport}})),
      size_in(metrics.MakeHistogram(prefix + "_message_size_bytes", "Size of messages", Bytes(),
                                    {{"direction", "received"}})),
      size_out(
          metrics.MakeHistogram(prefix + "_message_size_bytes", "Size of messages", Bytes(), {{"direction", "sent"}})),
      queue_wait(metrics.MakeHistogram(prefix + "_queue_wait_seconds", "Age of a message when it is received",
                                       Seconds(), {{"queue", queue_name}})),
      active(
          metrics.MakeGauge(prefix + "_active_messages", "Messages leased and not settled", {{"queue", queue_name}})),
      in_flight(metrics.MakeGauge(prefix + "_in_flight", "Calls of the handler that run", {{"queue", queue_name}})) {}

}  // namespace asya::relay
