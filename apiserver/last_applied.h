// LastApplied: the annotation in which kubectl's client-side apply keeps what it applied, on the way to server-side
// apply.
#pragma once

#include <optional>

#include "apiserver/resource.h"
#include "core/json/value.h"
#include "model/ownership/field_set.h"

namespace asya::apiserver {

inline constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
// The manager that takes over from client-side apply.
inline constexpr const char* kKubectl = "kubectl";

// The fields that the annotation has and that are still as it says: kubectl may take those over without force. nullopt
// where there is no annotation that can be read.
std::optional<model::FieldSet> FieldsOfLastApplied(const Resource& resource, const json::Value& live);

// Where `object` has the annotation, it becomes `config`, so that a client-side apply after it goes on from there.
void RenewLastApplied(const json::Value& config, json::Value& object);

}  // namespace asya::apiserver
