// RenderCrds: what `asya-server render crds` prints: the kinds as CustomResourceDefinitions, as YAML.
#pragma once

#include <string>

namespace asya::server {

// The same bytes each time.
std::string RenderCrds();

}  // namespace asya::server
