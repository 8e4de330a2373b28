// Dump: JSON values as YAML in block style with sorted keys; the same value gives the same bytes.
#pragma once

#include <string>
#include <vector>

#include "core/json/value.h"

namespace asya::yaml {

// One document with a final line feed; Parse gives the same value back.
std::string Dump(const json::Value& value);
// Several documents with "---" between them.
std::string DumpAll(const std::vector<json::Value>& values);

}  // namespace asya::yaml
