// Labels: what clients find their tasks by.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::gateway {

// Of a request's body: an object of texts, as labels of Kubernetes. kInvalid names the label.
Result<std::string> LabelsOf(const json::Value& value);
// Of a query: "a=1,b=2". The same as an object.
Result<std::string> LabelsOfQuery(std::string_view query);

}  // namespace asya::gateway
