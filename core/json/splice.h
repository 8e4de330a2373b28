// Splice: reads and replaces one place of a JSON text; the rest of the text is neither decoded nor changed.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/json/pointer.h"

namespace asya::json {

// The text at `pointer`, as a span of `text`. kNotFound where nothing is there; kInvalid when `text` is no JSON.
Result<std::string_view> FindText(std::string_view text, const Pointer& pointer);

// `text` with `value` (JSON, not checked) at `pointer`. Objects that lead to it are made where nothing or null is; "-"
// appends to an array. kInvalid where anything else is in the way, or when `text` is no JSON.
Result<std::string> PutText(std::string_view text, const Pointer& pointer, std::string_view value);

}  // namespace asya::json
