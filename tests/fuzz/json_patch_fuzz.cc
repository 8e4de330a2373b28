// Applies arbitrary JSON patches and merge patches, given on two lines (object, patch), and checks what they promise.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/json/json_patch.h"
#include "core/json/merge_patch.h"
#include "core/json/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return 0;
  asya::json::ParseOptions options;
  options.depth_limit = 64;
  const auto target = asya::json::Parse(text.substr(0, line), options);
  const auto patch = asya::json::Parse(text.substr(line + 1), options);
  if (!target.ok() || !patch.ok()) return 0;
  asya::json::Value once = *target;
  asya::json::MergePatch(once, *patch);
  asya::json::Value twice = once;
  asya::json::MergePatch(twice, *patch);
  if (once != twice) std::abort();
  const auto operations = asya::json::ParseJsonPatch(*patch);
  if (operations.ok()) (void)asya::json::ApplyJsonPatch(*target, *operations);
  return 0;
}
