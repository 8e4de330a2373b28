#include "core/http/server_metrics.h"

#include <algorithm>

namespace asya::http {

ServerMetrics::ServerMetrics(observe::Metrics& registry, const std::string& listen) {
  const auto answered = [&](const char* status) {
    return registry.MakeCounter("asya_http_requests_total", "Requests answered.",
                                {{"listen", listen}, {"status", status}});
  };
  const observe::MetricLabels labels{{"listen", listen}};
  series_.emplace(Series{
      {answered("1xx"), answered("2xx"), answered("3xx"), answered("4xx"), answered("5xx")},
      registry.MakeHistogram("asya_http_request_seconds", "From the whole request to the start of its answer.",
                             {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}, labels),
      registry.MakeGauge("asya_http_connections", "Open connections.", labels),
      registry.MakeGauge("asya_http_streams", "Open streaming responses.", labels),
      registry.MakeCounter("asya_http_streams_cut_off_total", "Streams closed because the peer read too slowly.",
                           labels)});
}

void ServerMetrics::Answered(int status, double seconds) const {
  if (!series_) return;
  series_->answered[std::clamp(status / 100, 1, 5) - 1].Add();
  series_->seconds.Observe(seconds);
}

}  // namespace asya::http
