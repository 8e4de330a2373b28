// OpenApi documents: OpenAPI v3 of one group version, from the resources that are served and the model's schemas.
#pragma once

#include <string>

#include "core/json/value.h"

namespace asya::apiserver {

// Paths with their operations, and every schema that they refer to.
json::Value GroupVersionDocument(const std::string& group, const std::string& version);

}  // namespace asya::apiserver
