#include "server/render_text.h"

#include <vector>

#include "compositions/render.h"
#include "core/yaml/dump.h"
#include "core/yaml/parse.h"

namespace asya::server {

Result<std::string> RenderText(std::string_view manifests, const compositions::Settings& settings) {
  ASYA_TRY(auto documents, yaml::ParseAll(manifests));
  std::vector<json::Value> values;
  for (yaml::Document& document : documents) values.push_back(std::move(document.value));
  ASYA_TRY(const auto actors, compositions::RenderManifests(values, settings));
  std::string text;
  for (const compositions::RenderedActor& actor : actors) {
    if (!text.empty()) text += "---\n";
    text += "# AsyncActor " + actor.namespace_ + "/" + actor.name + ": queue " + actor.queue + " on transport " +
            actor.transport + "\n";
    for (const std::string& warning : actor.warnings) text += "# Warning: " + warning + "\n";
    text += yaml::DumpAll(actor.objects);
  }
  return text;
}

}  // namespace asya::server
