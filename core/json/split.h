// Split: the members of a top-level JSON object as spans of the text, so that a payload is never decoded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace asya::json {

struct Member {
  std::string key;        // unescaped
  std::string_view value;  // its bytes in the text, without surrounding white space
};

struct SplitOptions {
  std::size_t depth_limit = 512;
  std::size_t size_limit_bytes = 64U << 20U;
};

// Checks the whole text (grammar, UTF-8, depth) in one pass. kInvalid with the byte offset for anything but one object
// without repeated top-level keys. The spans live as long as the text.
Result<std::vector<Member>> Split(std::string_view text, const SplitOptions& options = {});

// The items of a top-level JSON array as spans of the text, by the same rules.
Result<std::vector<std::string_view>> SplitArray(std::string_view text, const SplitOptions& options = {});

}  // namespace asya::json
