// MergePatch: JSON Merge Patch (RFC 7396).
#pragma once

#include "core/json/value.h"

namespace asya::json {

// Members of `patch` replace those of `target`, null removes, objects merge; anything but an object replaces the whole.
void MergePatch(Value& target, const Value& patch);

}  // namespace asya::json
