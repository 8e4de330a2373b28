// CheckRoute: refuses a new task whose route names an actor that does not exist or is being deleted, before it is
// stored.
#pragma once

#include <string>
#include <vector>

#include "gateway/create_task.h"
#include "gateway/gateway.h"

namespace asya::gateway {

// Each actor that cannot be named, with its field ("next[0]", "actor"; of a flow "flow"): kNotFound for an unknown one,
// kConflict for one that is being deleted. An unknown first actor passes where sending to a queue that is missing
// tells. What Deps::intake knows as open costs no read of the store.
std::vector<Error> CheckRoute(const NewTask& wanted, const Deps& deps);

// The first actor is not there; the names of those that are.
Error NoSuchActor(const NewTask& wanted, const Deps& deps);

// "known there: a, b", for the error about one that is not.
std::string KnownActors(const Deps& deps, const std::string& namespace_);

}  // namespace asya::gateway
