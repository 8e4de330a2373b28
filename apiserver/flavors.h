// Flavors: those that an actor names, as they are stored.
#pragma once

#include <vector>

#include "apiserver/outcome.h"
#include "core/json/value.h"
#include "ports/object_store.h"

namespace asya::apiserver {

// Whole objects in the order of spec.flavors. One that is not there is left out: conditions of the actor tell of it.
Outcome<std::vector<json::Value>> FlavorsOf(ports::ObjectStore& store, const json::Value& actor);

}  // namespace asya::apiserver
