// InformerMetrics: what is counted of the objects that are followed; does nothing without a registry.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "core/base/clock.h"
#include "core/observe/metrics.h"

namespace asya::cluster::kubernetes {

class InformerMetrics {
 public:
  InformerMetrics(observe::Metrics* registry, const std::string& resource) {
    if (registry == nullptr) return;
    const observe::MetricLabels labels{{"resource", resource}};
    series_.emplace(Series{
        registry->MakeGauge("asya_cluster_objects", "Objects of the cluster that are followed.", labels),
        registry->MakeGauge("asya_cluster_followed", "Whether the objects are known: 1 once they were listed.", labels),
        registry->MakeCounter("asya_cluster_lists_total", "Times that all of them were listed.", labels),
        registry->MakeGauge("asya_cluster_heard_timestamp_seconds",
                            "When their watch said something last, be it that nothing has happened.", labels)});
  }
  void Listed() const {
    if (series_) series_->lists.Add();
  }
  void Followed(bool known) const {
    if (series_) series_->followed.Set(known ? 1 : 0);
  }
  void Heard(WallTime now, std::size_t objects) const {
    if (!series_) return;
    series_->objects.Set(static_cast<double>(objects));
    series_->heard.Set(std::chrono::duration<double>(now.time_since_epoch()).count());
  }

 private:
  struct Series {
    observe::Gauge objects;
    observe::Gauge followed;
    observe::Counter lists;
    observe::Gauge heard;
  };
  std::optional<Series> series_;
};

}  // namespace asya::cluster::kubernetes
