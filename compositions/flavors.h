// Flavors: an actor's flavors and its own spec merged into one spec.
#pragma once

#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::compositions {

// `flavors` are the whole Flavor objects in the order of spec.flavors. Among them lists append, maps merge, and the
// same leaf set twice is kInvalid, naming both flavors and the path. The actor's own top-level fields replace theirs.
// The result holds no `flavors`. kNotFound names a flavor that is missing.
Result<json::Value> MergeFlavors(const json::Value& actor, const std::vector<json::Value>& flavors);

}  // namespace asya::compositions
