// NamespaceLife: namespaces exist before what is in them, and go when it is gone.
#pragma once

#include "apiserver/call.h"

namespace asya::apiserver {

// Makes the namespace `default` where it is missing.
Outcome<Done> EnsureDefaultNamespace(const Context& context);
// Before `object` is created: 404 for a namespace that does not exist, 403 for one that is going.
Outcome<Done> CheckNamespace(const Context& context, const Call& call, const json::Value& object);
// A namespace's name is a DNS label.
void CheckNamespaceName(const std::string& name, std::vector<model::Cause>& causes);
// What a new namespace has.
void CompleteNamespace(json::Value& object);
// Asks for the deletion of all that is in the namespace; true when nothing is left.
Outcome<bool> EmptyNamespace(const Context& context, const Call& call, const std::string& namespace_);
// After an object or a finalizer of the namespace is gone: removes the namespace where it waited for the last of them.
void FinishNamespace(const Context& context, const Call& call, const std::string& namespace_);

}  // namespace asya::apiserver
