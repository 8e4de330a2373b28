// WorkQueueMetrics: what a work queue counts, by the names of controller-runtime; does nothing without a registry.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/observe/metrics.h"

namespace asya::reconcilers {

class WorkQueueMetrics {
 public:
  WorkQueueMetrics() = default;
  WorkQueueMetrics(observe::Metrics& registry, const std::string& name) {
    const observe::MetricLabels labels{{"name", name}};
    const std::vector<double> seconds{0.0001, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
    const auto result = [&](const char* text) {
      return registry.MakeCounter("asya_reconcile_total", "Reconciles, by how they ended.",
                                  {{"name", name}, {"result", text}});
    };
    series_.emplace(
        Series{registry.MakeGauge("workqueue_depth", "Keys that wait to be reconciled now.", labels),
               registry.MakeCounter("workqueue_adds_total", "Keys added, each time they were not waiting yet.", labels),
               registry.MakeCounter("workqueue_retries_total", "Keys that come again after a failure.", labels),
               registry.MakeGauge("workqueue_failing", "Keys that failed last, and wait to be tried again.", labels),
               registry.MakeCounter("workqueue_refused_total", "Keys refused because the queue was full.", labels),
               registry.MakeHistogram("workqueue_queue_duration_seconds", "How long a key waited.", seconds, labels),
               registry.MakeHistogram("workqueue_work_duration_seconds", "How long a reconcile took.", seconds, labels),
               result("settled"), result("requeue_after"), result("failed")});
  }
  void Depth(std::size_t keys) const {
    if (series_) series_->depth.Set(static_cast<double>(keys));
  }
  void Added() const {
    if (series_) series_->adds.Add();
  }
  void Retried() const {
    if (series_) series_->retries.Add();
  }
  void Failing(std::size_t keys) const {
    if (series_) series_->failing.Set(static_cast<double>(keys));
  }
  void Refused() const {
    if (series_) series_->refused.Add();
  }
  void Waited(double seconds) const {
    if (series_) series_->waited.Observe(seconds);
  }
  // `outcome`: 0 settled, 1 to be looked at again later, 2 failed.
  void Worked(double seconds, std::size_t outcome) const {
    if (!series_) return;
    series_->worked.Observe(seconds);
    (outcome == 0 ? series_->settled : outcome == 1 ? series_->later : series_->failed).Add();
  }

 private:
  struct Series {
    observe::Gauge depth;
    observe::Counter adds;
    observe::Counter retries;
    observe::Gauge failing;
    observe::Counter refused;
    observe::Histogram waited;
    observe::Histogram worked;
    observe::Counter settled;
    observe::Counter later;
    observe::Counter failed;
  };
  std::optional<Series> series_;
};

}  // namespace asya::reconcilers
