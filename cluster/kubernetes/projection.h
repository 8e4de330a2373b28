// Projection: the part of an object that has the shape of another one.
#pragma once

#include <cstddef>

#include "core/json/value.h"

namespace asya::cluster::kubernetes {

// `whole` without the members that `shape` does not have; of a list as many elements as `shape` has, each by the
// element at its place. What stands in `shape` alone is left out. Two projections of an object by what was applied to
// it are equal as long as nobody has changed what was applied, whatever the API has made of it.
json::Value Projected(const json::Value& whole, const json::Value& shape);

// With each text of more than kTextBytesMax, such as a file in a ConfigMap, replaced by its digest.
inline constexpr std::size_t kTextBytesMax = 1024;
json::Value Shortened(json::Value value);

}  // namespace asya::cluster::kubernetes
