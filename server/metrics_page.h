// MetricsPage: /metrics of the server: what the parts counted, and what is read from them at the moment.
#pragma once

#include <string>

#include "core/observe/metrics.h"
#include "scaling/scaler.h"
#include "server/backend.h"
#include "server/controllers.h"

namespace asya::server {

// Series of one queue or one actor each are given for at most so many, those with work first.
inline constexpr std::size_t kMetricsQueuesMax = 1000;
inline constexpr std::size_t kMetricsActorsMax = 1000;

// Prometheus text exposition format 0.0.4. Blocks for as long as the queues take to answer.
std::string MetricsPage(const observe::Metrics& metrics, Backend& backend, const scaling::ReplicaScaler& scaler);
// The same of a server that keeps no queues of its own; without controllers it knows nothing of actors. Does not block.
std::string MetricsPage(const observe::Metrics& metrics, const Controllers* controllers);

}  // namespace asya::server
