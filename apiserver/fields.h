// Fields: what is done about fields that are unknown or repeated.
#pragma once

#include <string>
#include <vector>

#include "apiserver/call.h"
#include "apiserver/options.h"

namespace asya::apiserver {

// Each problem is a warning, a refusal of all (400, or 422 of a patch), or nothing, as fieldValidation says.
Outcome<Done> ReportFields(Call& call, const WriteOptions& options, const std::vector<std::string>& problems);
// Removes fields that the kind does not have, and reports them.
Outcome<Done> PruneFields(Call& call, const WriteOptions& options, json::Value& object);

}  // namespace asya::apiserver
