// WriterMetrics: what the writer of a SQLite file counts; does nothing without a registry. Internal to core/sql.
#pragma once

#include <cstddef>
#include <optional>

#include "core/observe/metrics.h"

namespace asya::sql::sqlite {

class WriterMetrics {
 public:
  explicit WriterMetrics(observe::Metrics* registry) {
    if (registry == nullptr) return;
    series_.emplace(Series{
        registry->MakeGauge("asya_sqlite_write_queue_jobs", "Jobs that wait for the writer."),
        registry->MakeCounter("asya_sqlite_writes_refused_total", "Jobs refused because too many waited."),
        registry->MakeHistogram("asya_sqlite_commit_jobs", "Jobs that shared a commit.",
                                {1, 2, 4, 8, 16, 32, 64, 128, 256, 512}),
        registry->MakeHistogram("asya_sqlite_commit_seconds", "From the first job of a commit until it was durable.",
                                {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5})});
  }
  void Waiting(std::size_t jobs) const {
    if (series_) series_->waiting.Set(static_cast<double>(jobs));
  }
  void Refused() const {
    if (series_) series_->refused.Add();
  }
  void Committed(std::size_t jobs, double seconds) const {
    if (!series_) return;
    series_->jobs.Observe(static_cast<double>(jobs));
    series_->seconds.Observe(seconds);
  }

 private:
  struct Series {
    observe::Gauge waiting;
    observe::Counter refused;
    observe::Histogram jobs;
    observe::Histogram seconds;
  };
  std::optional<Series> series_;
};

}  // namespace asya::sql::sqlite
