// Causes: the list that the checks write their mistakes to, in the words of Kubernetes.
#pragma once

#include <string>
#include <vector>

#include "core/json/value.h"
#include "model/validation.h"

namespace asya::model {

using Causes = std::vector<Cause>;

void AddRequired(Causes& causes, const std::string& field, const std::string& words);
void AddInvalid(Causes& causes, const std::string& field, const json::Value& seen, const std::string& words);
// As AddInvalid, for a value that must not be repeated.
void AddInvalidSecret(Causes& causes, const std::string& field, const std::string& words);
void AddWrongType(Causes& causes, const std::string& field, const json::Value& seen, const Schema& schema);
void AddNotSupported(Causes& causes, const std::string& field, const json::Value& seen,
                     const std::vector<std::string>& accepted);
void AddDuplicate(Causes& causes, const std::string& field, const json::Value& seen);
void AddForbidden(Causes& causes, const std::string& field, const std::string& words);
void AddTooLong(Causes& causes, const std::string& field, std::size_t limit_bytes);
void AddTooMany(Causes& causes, const std::string& field, std::size_t count, std::size_t limit);

// The checks of one part each; they take whatever is there and pass over values of a wrong type, which CheckStructure
// names.
void CheckStructure(const Schema& schema, const json::Value& value, const std::string& path, Causes& causes);
void CheckMetadata(const KindInfo& kind, const json::Value& object, Causes& causes);
void CheckScaling(const json::Value& spec, bool whole, Causes& causes);
void CheckResiliency(const json::Value& spec, bool whole, Causes& causes);
void CheckPod(const json::Value& spec, Causes& causes);
void CheckActorIdentity(const json::Value& object, const json::Value* old, Causes& causes);
// What an actor needs to run; `flavored` when flavors may still bring it.
void CheckActorSource(const json::Value& spec, bool flavored, Causes& causes);
void CheckActorSpec(const json::Value& spec, bool whole, Causes& causes);
void CheckTransport(const json::Value& spec, Causes& causes);
void CheckFlow(const json::Value& spec, Causes& causes);
// `old`: the whole object before the write, or nullptr.
void CheckComposition(const json::Value& spec, const json::Value* old, Causes& causes);
void CheckFunction(const json::Value& spec, Causes& causes);

// Whether the actor name is one that only the system may use in a route.
bool IsSystemEnd(const std::string& actor);

}  // namespace asya::model
