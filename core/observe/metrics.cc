#include "core/observe/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>

#include "core/base/result.h"

namespace asya::observe {
namespace {

// The library's own series take a lock for each sample, which is several times what the sample costs.
struct Series {
  explicit Series(const std::vector<double>& its_bounds) : bounds(its_bounds), counts(bounds.size() + 1) {}
  const std::vector<double> bounds;                // of a histogram
  std::vector<std::atomic<std::uint64_t>> counts;  // of its samples up to each bound, and of those above
  std::atomic<double> value{0};                    // of a histogram: the sum of its samples
};

void Add(void* series, double by) { static_cast<Series*>(series)->value.fetch_add(by, std::memory_order_relaxed); }

struct Family {
  prometheus::MetricType type{};
  std::string help;
  std::map<MetricLabels, Series> series;
};

prometheus::ClientMetric::Histogram Buckets(const Series& series) {
  prometheus::ClientMetric::Histogram histogram;
  histogram.sample_sum = series.value;
  for (std::size_t i = 0; i < series.counts.size(); ++i) {
    histogram.sample_count += series.counts[i];
    const double bound = i < series.bounds.size() ? series.bounds[i] : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({histogram.sample_count, bound});
  }
  return histogram;
}

prometheus::MetricFamily Shown(const std::string& name, const Family& family) {
  prometheus::MetricFamily shown{name, family.help, family.type, {}};
  for (const auto& [labels, series] : family.series) {
    prometheus::ClientMetric& metric = shown.metric.emplace_back();
    for (const auto& [label, value] : labels) metric.label.push_back({label, value});
    metric.counter.value = metric.gauge.value = series.value;
    metric.histogram = Buckets(series);
  }
  return shown;
}

}  // namespace

struct Metrics::Registry {
  void* Make(prometheus::MetricType type, const std::string& name, const std::string& help, const MetricLabels& labels,
             const std::vector<double>& bounds) {
    const std::lock_guard lock(mutex);
    Family& family = families.try_emplace(name, Family{type, help, {}}).first->second;
    ASYA_CHECK(family.type == type);
    return &family.series.try_emplace(labels, bounds).first->second;
  }

  std::mutex mutex;
  std::map<std::string, Family> families;
};

void Counter::Add(double by) const { observe::Add(series_, by); }
void Gauge::Set(double value) const { static_cast<Series*>(series_)->value.store(value, std::memory_order_relaxed); }
void Gauge::Add(double by) const { observe::Add(series_, by); }

void Histogram::Observe(double value) const {
  auto& series = *static_cast<Series*>(series_);
  const auto bound = std::lower_bound(series.bounds.begin(), series.bounds.end(), value);
  const auto bucket = static_cast<std::size_t>(bound - series.bounds.begin());
  series.counts[bucket].fetch_add(1, std::memory_order_relaxed);
  observe::Add(series_, value);
}

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {}
Metrics::~Metrics() = default;

Counter Metrics::MakeCounter(const std::string& name, const std::string& help, const MetricLabels& labels) {
  return Counter(registry_->Make(prometheus::MetricType::Counter, name, help, labels, {}));
}

Gauge Metrics::MakeGauge(const std::string& name, const std::string& help, const MetricLabels& labels) {
  return Gauge(registry_->Make(prometheus::MetricType::Gauge, name, help, labels, {}));
}

Histogram Metrics::MakeHistogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                                 const MetricLabels& labels) {
  return Histogram(registry_->Make(prometheus::MetricType::Histogram, name, help, labels, bounds));
}

std::string Metrics::Text() const {
  std::vector<prometheus::MetricFamily> shown;
  const std::lock_guard lock(registry_->mutex);
  for (const auto& [name, family] : registry_->families) shown.push_back(Shown(name, family));
  return prometheus::TextSerializer().Serialize(shown);
}

}  // namespace asya::observe
