// ClientMetrics: what is counted of the calls of a Kubernetes API; does nothing without a registry.
#pragma once

#include <string>

#include "core/observe/metrics.h"

namespace asya::cluster::kubernetes {

class ClientMetrics {
 public:
  ClientMetrics() = default;
  explicit ClientMetrics(observe::Metrics& registry) : registry_(&registry) {}
  // `verb` as kube-apiserver names it; `code`: the status of the answer, or how a call failed that got none.
  void Called(const std::string& verb, const std::string& code, double seconds) const {
    if (registry_ == nullptr) return;
    registry_
        ->MakeCounter("asya_cluster_requests_total", "Calls of the cluster's API.", {{"verb", verb}, {"code", code}})
        .Add();
    if (verb == "watch") return;
    registry_
        ->MakeHistogram("asya_cluster_request_duration_seconds", "How long a call took, its wait for the limit apart.",
                        {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}, {{"verb", verb}})
        .Observe(seconds);
  }
  // For the limit of calls.
  void Waited(double seconds) const {
    if (registry_ == nullptr) return;
    registry_
        ->MakeCounter("asya_cluster_request_wait_seconds_total", "Time that calls waited for the limit of their rate.")
        .Add(seconds);
  }

 private:
  observe::Metrics* registry_ = nullptr;
};

}  // namespace asya::cluster::kubernetes
