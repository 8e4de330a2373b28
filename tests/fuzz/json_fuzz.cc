// Feeds arbitrary bytes to both JSON readers: what one takes the other takes, and their members are the same. Only
// Split takes what its caller does not need as a value: lone surrogates and numbers that are too large.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/parse.h"
#include "core/json/split.h"

using asya::json::Dump;
using asya::json::Parse;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr std::size_t kDepth = 100;
  std::vector<std::string> repeated;
  asya::json::ParseOptions whole;
  whole.depth_limit = kDepth;
  whole.duplicate_paths = &repeated;
  asya::json::SplitOptions parts;
  parts.depth_limit = kDepth;
  const auto value = Parse(text, whole);
  const auto members = asya::json::Split(text, parts);
  const auto items = asya::json::SplitArray(text, parts);
  if (!value.ok()) {
    const std::string& why = value.error().message;
    const bool known = why.find("surrogate") != std::string::npos || why.find("too large") != std::string::npos;
    if ((members.ok() || items.ok()) && !known) std::abort();
    return 0;
  }
  if (members.ok() && !value->IsObject()) std::abort();
  if (items.ok() != value->IsArray()) std::abort();
  // Split refuses repeated members of the top level, which Parse reports.
  if (value->IsObject() && !members.ok() && repeated.empty()) std::abort();
  if (members.ok()) {
    for (const asya::json::Member& member : *members) {
      const auto span = Parse(member.value, whole);
      const asya::json::Value* found = value->Find(member.key);
      if (!span.ok() || found == nullptr || Dump(*span) != Dump(*found)) std::abort();
    }
  }
  if (items.ok() && items->size() != value->AsArray().size()) std::abort();
  const auto again = Parse(Dump(*value), whole);
  if (!again.ok() || Dump(*again) != Dump(*value)) std::abort();
  return 0;
}
