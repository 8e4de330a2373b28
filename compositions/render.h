// Render: manifests of actors, flavors and transports to the resources that they become, without a server.
#pragma once

#include <string>
#include <vector>

#include "compositions/settings.h"
#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::compositions {

struct RenderedActor {
  std::string name;
  std::string namespace_;
  std::string queue;
  std::string transport;             // "local (sqlite)"
  std::vector<json::Value> objects;  // the Deployment with its first replica count
  std::vector<std::string> warnings;
};

// Actors in the order of the manifests, each on the Transport that model::ChooseTransport gives among them, or else on
// a built-in one called `local` of type sqlite. Flows and other kinds are checked and render to nothing. kInvalid with
// every mistake of every manifest, each with the kind and name of its object.
Result<std::vector<RenderedActor>> RenderManifests(const std::vector<json::Value>& manifests, const Settings& settings);

}  // namespace asya::compositions
