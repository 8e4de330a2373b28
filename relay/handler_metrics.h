// HandlerMetrics: the metrics that handlers report by yielding METRIC, as declared, with bounded label values.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/observe/metrics.h"

namespace asya::relay {

struct MetricDeclaration {
  std::string name;
  std::string type;  // counter, gauge, histogram
  std::string help;
  std::vector<std::string> labels;
  std::vector<double> buckets;  // of a histogram
};

// ASYA_CUSTOM_METRICS: [{name, type, help, labels, buckets}].
std::vector<MetricDeclaration> ParseMetricDeclarations(std::string_view text, std::vector<Error>& problems);

class HandlerMetrics {
 public:
  static constexpr std::size_t kSeriesLimit = 200;  // of one metric; later label values are counted under "other"

  HandlerMetrics(observe::Metrics& metrics, std::string prefix, std::vector<MetricDeclaration> declarations);
  // {"name", "type", "value", "labels"}; kInvalid says what is wrong with it.
  Status Report(std::string_view data);

 private:
  struct Family {
    MetricDeclaration declaration;
    std::map<observe::MetricLabels, observe::Counter> counters;
    std::map<observe::MetricLabels, observe::Gauge> gauges;
    std::map<observe::MetricLabels, observe::Histogram> histograms;
    [[nodiscard]] std::size_t size() const { return counters.size() + gauges.size() + histograms.size(); }
  };
  void Put(Family& family, observe::MetricLabels labels, double value);

  observe::Metrics& metrics_;
  std::string prefix_;
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace asya::relay
