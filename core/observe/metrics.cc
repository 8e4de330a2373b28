#include "core/observe/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace asya::observe {

struct Metrics::Registry {
  prometheus::Registry registry;
};

void Counter::Add(double by) const { static_cast<prometheus::Counter*>(series_)->Increment(by); }
void Gauge::Set(double value) const { static_cast<prometheus::Gauge*>(series_)->Set(value); }
void Gauge::Add(double by) const { static_cast<prometheus::Gauge*>(series_)->Increment(by); }
void Histogram::Observe(double value) const { static_cast<prometheus::Histogram*>(series_)->Observe(value); }

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {}
Metrics::~Metrics() = default;

// The library gives the same family for a name that is registered again, and the same series for the same labels.
Counter Metrics::MakeCounter(const std::string& name, const std::string& help, const MetricLabels& labels) {
  return Counter(&prometheus::BuildCounter().Name(name).Help(help).Register(registry_->registry).Add(labels));
}

Gauge Metrics::MakeGauge(const std::string& name, const std::string& help, const MetricLabels& labels) {
  return Gauge(&prometheus::BuildGauge().Name(name).Help(help).Register(registry_->registry).Add(labels));
}

Histogram Metrics::MakeHistogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                                 const MetricLabels& labels) {
  return Histogram(
      &prometheus::BuildHistogram().Name(name).Help(help).Register(registry_->registry).Add(labels, bounds));
}

std::string Metrics::Text() const { return prometheus::TextSerializer().Serialize(registry_->registry.Collect()); }

}  // namespace asya::observe
