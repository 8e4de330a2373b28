// Metrics: counters, gauges and histograms in Prometheus text form; series are made at zero when their handle is made.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace asya::observe {

using MetricLabels = std::map<std::string, std::string>;

// Handles are cheap to copy, thread safe, and live as long as their registry.
class Counter {
 public:
  void Add(double by = 1) const;

 private:
  friend class Metrics;
  explicit Counter(void* series) : series_(series) {}
  void* series_;
};

class Gauge {
 public:
  void Set(double value) const;
  void Add(double by) const;

 private:
  friend class Metrics;
  explicit Gauge(void* series) : series_(series) {}
  void* series_;
};

class Histogram {
 public:
  void Observe(double value) const;

 private:
  friend class Metrics;
  explicit Histogram(void* series) : series_(series) {}
  void* series_;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Full names; the same name and labels give the same series.
  Counter MakeCounter(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  Gauge MakeGauge(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  Histogram MakeHistogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                          const MetricLabels& labels = {});
  // The whole registry in Prometheus text exposition format 0.0.4.
  [[nodiscard]] std::string Text() const;

 private:
  struct Registry;
  std::unique_ptr<Registry> registry_;
};

}  // namespace asya::observe
