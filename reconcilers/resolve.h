// Resolve: the objects that an actor refers to by name.
#pragma once

#include <vector>

#include "core/json/value.h"
#include "model/kinds.h"
#include "reconcilers/objects.h"

namespace asya::reconcilers {

// In the order of spec.flavors. kNotFound names the one that is missing.
Result<std::vector<json::Value>> ResolveFlavors(Objects& objects, const json::Value& actor);

// model::ChooseTransport among the stored ones.
Result<json::Value> ResolveTransport(Objects& objects, const json::Value& actor, const json::Value& fallback);

// The name of the Transport on which the actor runs by its status; empty where it says none.
std::string StatusTransport(const json::Value& actor);

// The Transport that the actor's status names, where it runs until a move is done; else what ResolveTransport gives.
Result<json::Value> CurrentTransport(Objects& objects, const json::Value& actor, const json::Value& fallback);

using model::NameOf;

}  // namespace asya::reconcilers
