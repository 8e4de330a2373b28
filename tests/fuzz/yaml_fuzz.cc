// Feeds arbitrary bytes to the YAML reader and what it reads to the manifest checks; what parses must print to text
// that parses to the same again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/json/parse.h"
#include "core/yaml/dump.h"
#include "core/yaml/parse.h"
#include "model/kinds.h"
#include "model/object_text.h"
#include "model/validation.h"
#include "server/render_text.h"

namespace {

void CheckManifest(asya::json::Value object) {
  const auto name = object.GetString("kind");
  const auto* kind = asya::model::FindKindByName(name.value_or("AsyncActor"));
  if (kind == nullptr) return;
  asya::model::PruneUnknown(*kind, object);
  if (!asya::model::PruneUnknown(*kind, object).empty()) std::abort();
  (void)asya::model::Describe(asya::model::Validate(*kind, object, &object));
  const std::string text = asya::json::Dump(object);
  std::string cells;
  asya::model::AppendCells(*kind, asya::model::ObjectText(text), asya::WallTime{}, cells);
  if (!asya::json::Parse(cells).ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto documents = asya::yaml::ParseAll(text);
  if (!documents.ok()) return 0;
  for (const auto& document : *documents) {
    const std::string printed = asya::yaml::Dump(document.value);
    const auto again = asya::yaml::Parse(printed);
    if (!again.ok() || asya::json::Dump(*again) != asya::json::Dump(document.value)) std::abort();
    if (asya::yaml::Dump(*again) != printed) std::abort();
    CheckManifest(document.value);
  }
  (void)asya::server::RenderText(text, asya::compositions::Settings());
  return 0;
}
