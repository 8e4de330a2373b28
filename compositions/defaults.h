// Defaults: the documented default of every field that the merged spec leaves out.
#pragma once

#include "core/json/value.h"

namespace asya::compositions {

// Fills in defaults from the schema. `scaling` and `resiliency` are always there afterwards; other objects only where
// given. Aliases become their real names (initialInterval -> initialDelay). `replicas` is set only where scaling is
// off.
json::Value ApplyDefaults(json::Value spec);

}  // namespace asya::compositions
