// Autoscaler: the HorizontalPodAutoscaler behind a ScaledObject, and what keeps it from working.
#pragma once

#include <optional>
#include <string>

#include "cluster/kubernetes/client.h"
#include "core/base/result.h"
#include "core/json/value.h"
#include "ports/autoscaler.h"

namespace asya::cluster::kubernetes {

// What `hpa` (autoscaling/v2) says in its conditions AbleToScale and ScalingActive; pure. At zero replicas it is
// switched off, and KEDA alone takes the workload to the first one.
ports::Autoscaler AutoscalerOf(const json::Value& hpa);

// By the name that KEDA has written into the status of the ScaledObject, in two calls. None: there is no such
// ScaledObject, KEDA has not named an HPA yet, or has been told to pause. One that is named and is not there does not
// work.
Result<std::optional<ports::Autoscaler>> FindAutoscaler(Client& client, const std::string& namespace_,
                                                        const std::string& scaled_object);

}  // namespace asya::cluster::kubernetes
