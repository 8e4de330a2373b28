// CommitMetrics: what the committer of PostgreSQL counts; does nothing without a registry. Internal to
// storage/postgres.
#pragma once

#include <cstddef>
#include <optional>

#include "core/observe/metrics.h"

namespace asya::storage::postgres {

class CommitMetrics {
 public:
  explicit CommitMetrics(observe::Metrics* registry) {
    if (registry == nullptr) return;
    series_.emplace(Series{
        registry->MakeGauge("asya_postgres_write_queue_changes", "Changes that wait for the writer."),
        registry->MakeCounter("asya_postgres_writes_refused_total", "Changes refused because too many waited."),
        registry->MakeCounter("asya_postgres_commit_failures_total", "Transactions that did not end well."),
        registry->MakeHistogram("asya_postgres_commit_changes", "Changes that shared a commit.",
                                {1, 2, 4, 8, 16, 32, 64, 128}),
        registry->MakeHistogram("asya_postgres_commit_seconds", "From the start of a transaction until it was durable.",
                                {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30})});
  }
  void Waiting(std::size_t changes) const {
    if (series_) series_->waiting.Set(static_cast<double>(changes));
  }
  void Refused() const {
    if (series_) series_->refused.Add();
  }
  void Failed() const {
    if (series_) series_->failed.Add();
  }
  void Committed(std::size_t changes, double seconds) const {
    if (!series_) return;
    series_->changes.Observe(static_cast<double>(changes));
    series_->seconds.Observe(seconds);
  }

 private:
  struct Series {
    observe::Gauge waiting;
    observe::Counter refused;
    observe::Counter failed;
    observe::Histogram changes;
    observe::Histogram seconds;
  };
  std::optional<Series> series_;
};

}  // namespace asya::storage::postgres
