#include "server/render_crds.h"

#include <vector>

#include "core/yaml/dump.h"
#include "model/crd.h"

namespace asya::server {

std::string RenderCrds() {
  std::vector<json::Value> definitions;
  for (const model::KindInfo& kind : model::Kinds()) definitions.push_back(model::CustomResourceDefinition(kind));
  return "# The kinds of asya.sh as CustomResourceDefinitions. A cluster has these or our API server, never both.\n" +
         yaml::DumpAll(definitions);
}

}  // namespace asya::server
