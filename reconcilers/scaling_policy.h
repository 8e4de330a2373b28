// ScalingPolicy: what an actor's spec says about its replicas; pure.
#pragma once

#include "core/json/value.h"
#include "ports/scaler.h"

namespace asya::reconcilers {

// Of the spec after flavors and defaults.
ports::ScalingPolicy ScalingPolicyOf(const json::Value& effective_spec);

}  // namespace asya::reconcilers
