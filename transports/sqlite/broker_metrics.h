// BrokerMetrics: what the broker counts; does nothing without a registry. Internal to transports/sqlite.
#pragma once

#include <cstddef>
#include <optional>

#include "core/observe/metrics.h"

namespace asya::transports::sqlite {

class BrokerMetrics {
 public:
  explicit BrokerMetrics(observe::Metrics* registry) {
    if (registry == nullptr) return;
    series_.emplace(Series{
        registry->MakeHistogram("asya_broker_settle_seconds", "From a settlement's arrival until it was durable.",
                                {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}),
        registry->MakeHistogram("asya_broker_commit_changes", "Settlements and crash counts that shared a commit.",
                                {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}),
        registry->MakeGauge("asya_broker_connections", "Relays that are connected."),
        registry->MakeCounter("asya_broker_accept_pauses_total", "Pauses for want of descriptors or memory.")});
  }
  void Settled(double seconds) const {
    if (series_) series_->settled.Observe(seconds);
  }
  void Committed(std::size_t changes) const {
    if (series_) series_->changes.Observe(static_cast<double>(changes));
  }
  void AcceptPaused() const {
    if (series_) series_->accept_pauses.Add();
  }
  void Connections(std::size_t count) const {
    if (series_) series_->connections.Set(static_cast<double>(count));
  }

 private:
  struct Series {
    observe::Histogram settled;
    observe::Histogram changes;
    observe::Gauge connections;
    observe::Counter accept_pauses;
  };
  std::optional<Series> series_;
};

}  // namespace asya::transports::sqlite
