// Parse: YAML text from outside to JSON values, one a document, with bounds on size, depth and aliases.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::yaml {

struct ParseOptions {
  std::size_t size_limit_bytes = 4U << 20U;
  std::size_t depth_limit = 64;        // nested lists and maps
  std::size_t weight_limit = 500'000;  // nodes, plus one for every 64 bytes of text; an alias counts as what it repeats
  std::size_t document_limit = 10'000;
};

struct Document {
  json::Value value;
  std::int64_t line = 1;  // of its first line, which is its "---" where there is one; from 1
};

// The documents of `text`, without the empty ones. kInvalid with line and column ("line 3, column 7: …").
//
// Plain scalars are read as Kubernetes manifests mean them, but only where the meaning is safe:
// - null, ~ and nothing are null; true and false (also True, TRUE, …) are booleans; yes, no, on and off stay strings,
//   so that a country code is not a boolean.
// - decimal, 0x and 0o integers; a leading 0 is octal as in `defaultMode: 0755`; integers beyond 64 bits are numbers.
// - infinities and NaN are refused, since JSON has none. Dates stay strings.
// Map keys are strings: `1: a` has the key "1". A repeated key is an error. `<<` merges. Tags other than the JSON
// types' are refused.
Result<std::vector<Document>> ParseAll(std::string_view text, const ParseOptions& options = {});

// The only document of `text`; kInvalid when there is none or more than one.
Result<json::Value> Parse(std::string_view text, const ParseOptions& options = {});

}  // namespace asya::yaml
