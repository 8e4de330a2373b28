// Parse: JSON text from outside to a Value, with bounds on depth and size.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::json {

struct ParseOptions {
  std::size_t depth_limit = 128;          // nested arrays and objects
  std::size_t size_limit_bytes = 64U << 20U;
  // Where given, the path of every repeated key is put here ("spec.image"); the last one wins. Otherwise repeats are
  // an error.
  std::vector<std::string>* duplicate_paths = nullptr;
};

// kInvalid with the byte offset for anything that is not one complete UTF-8 JSON value.
Result<Value> Parse(std::string_view text, const ParseOptions& options = {});

}  // namespace asya::json
