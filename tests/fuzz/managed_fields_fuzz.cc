// Reads arbitrary managedFields and applies an arbitrary configuration under them, given on three lines (managedFields,
// stored object, configuration), and checks what both promise.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/json/parse.h"
#include "model/kinds.h"
#include "model/ownership/managers.h"
#include "model/ownership/structure.h"

namespace {

using asya::json::Value;

asya::model::Managers ReadManagers(const Value& entries) {
  auto managers = asya::model::DecodeManagers(entries);
  if (!managers.ok()) return {};
  const auto written = asya::model::EncodeManagers(*managers);
  const auto again = asya::model::DecodeManagers(written);
  if (!again.ok() || asya::model::EncodeManagers(*again) != written) std::abort();
  return std::move(managers).value();
}

void Apply(const Value& live, const Value& config, const asya::model::Managers& managers) {
  const asya::model::Schema& schema = asya::model::FindKind("asyncactors")->schema;
  const asya::model::FieldWriter writer{"fuzz", std::string(asya::model::kApiVersion), "", {}};
  const auto applied = asya::model::Apply(schema, live, config, writer, true, managers);
  if (!applied.conflicts.empty()) std::abort();
  // Elements that are repeated or have no key are refused before they are applied.
  if (!asya::model::CheckElements(schema, config).empty()) return;
  const auto merged = asya::model::Merge(schema, applied.object, config);
  if (asya::model::Merge(schema, merged, config) != merged) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  asya::json::ParseOptions options;
  options.depth_limit = 64;
  std::array<Value, 3> values;
  for (Value& value : values) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    auto parsed = asya::json::Parse(line, options);
    if (!parsed.ok()) return 0;
    value = std::move(parsed).value();
    rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : line.size());
  }
  const auto managers = ReadManagers(values[0]);
  if (values[1].IsObject() && values[2].IsObject()) Apply(values[1], values[2], managers);
  return 0;
}
