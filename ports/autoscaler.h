// Autoscaler: what the cluster's own autoscaler says of a workload.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/base/result.h"

namespace asya::ports {

// A HorizontalPodAutoscaler, which KEDA makes and which takes a workload from one replica to many.
struct Autoscaler {
  std::string name;           // "keda-hpa-infer"
  std::optional<bool> works;  // none: it has not looked at its workload yet
  std::int64_t replicas = 0;  // that it saw last
  std::int64_t desired = 0;   // that it asks for
  std::string reason;         // of what keeps it from working: "FailedGetExternalMetric"
  std::string message;        // the same for a person
};

// That of an actor; none where it has none. Asks the cluster; any thread.
using FindAutoscaler =
    std::function<Result<std::optional<Autoscaler>>(const std::string& namespace_, const std::string& actor)>;

}  // namespace asya::ports
