// TransportChoice: which Transport an actor runs on: one rule for whoever reconciles, plans, renders or binds it.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::model {

// The field of the error that tells of several Transports that are marked as default.
inline constexpr const char* kSeveralDefaults = "spec.default";

bool IsDefaultTransport(const json::Value& transport);

// Whole objects. The one of `transports` that the actor names, else the one that is marked as default, else `fallback`
// (null: none), which goes by its name too and gives way to the one of `transports` that has it. Several marks are a
// mistake that moves nobody: then it is the one that the actor runs on by its status. kNotFound where that leaves none.
Result<json::Value> ChooseTransport(const json::Value& actor, std::vector<json::Value> transports,
                                    const json::Value& fallback);

}  // namespace asya::model
