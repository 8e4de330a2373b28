// CountManagers: who has applied the count of replicas of an object, as its managedFields tell.
#pragma once

#include <string>

#include "core/json/value.h"

namespace asya::cluster::kubernetes {

// With no more of metadata.managedFields than whoever has applied the count; he who gives first values apart.
json::Value WithCountManagersAlone(json::Value object);

// Whether `applied`, by that manager, gives up the count of `object`: what nobody gives falls back to the API's own
// default, which is one replica.
bool GivesUpCount(const json::Value& object, const json::Value& applied, const std::string& manager);

// The count alone, for another manager to apply, and with the version that was seen: it may have changed since.
json::Value CountAlone(const json::Value& object);

}  // namespace asya::cluster::kubernetes
