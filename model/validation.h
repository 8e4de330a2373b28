// Validation: every mistake of a written object at once, each with its field, the value seen and what is accepted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.h"
#include "model/kinds.h"

namespace asya::model {

// One mistake, worded and named as Kubernetes does (Status.details.causes).
struct Cause {
  std::string field;    // "spec.scaling.minReplicaCount"
  std::string reason;   // FieldValueRequired, FieldValueInvalid, FieldValueNotSupported, FieldValueDuplicate, …
  std::string message;  // "Invalid value: 5: must be at most maxReplicaCount (3)"
};

// "field: message".
std::string Describe(const Cause& cause);
// All of them: "a" alone, or "[a, b]", as Kubernetes writes it after `Kind.group "name" is invalid: `.
std::string Describe(const std::vector<Cause>& causes);

// Structure and cross-field rules of a whole object. `old` is the stored object on an update, nullptr on a create.
// Unknown members are no mistakes here: PruneUnknown finds them. Empty when all is well.
std::vector<Cause> Validate(const KindInfo& kind, const json::Value& object, const json::Value* old);

// The rules of an AsyncActor spec after flavors were merged and defaults applied: image and handler must be there now.
std::vector<Cause> ValidateEffectiveSpec(const json::Value& spec);

// The limits that the broker puts on the queue's name; empty when it fits. `transport_type` as in Transport spec.type.
std::vector<Cause> ValidateQueueName(const json::Value& actor, std::string_view transport_type);

}  // namespace asya::model
