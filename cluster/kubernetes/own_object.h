// OwnObject: a child of an actor as it is given to a cluster, and what stands in its way there.
#pragma once

#include <string>

#include "cluster/kubernetes/child_kinds.h"
#include "cluster/kubernetes/client.h"
#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::cluster::kubernetes {

inline constexpr const char* kNameLabel = "app.kubernetes.io/name";

// With a controller ownerReference to its actor, where its labels name one.
json::Value WithOwnerReference(json::Value object);

// Of the manager that gives first values: "asya-initial" beside "asya".
inline constexpr const char* kInitialSuffix = "-initial";

enum class Fields {
  kTakeOver,     // also of what others own
  kOfNobodyElse  // kConflict where others own one and have given it another value
};
// A server-side apply.
Call ApplyCall(const Kind& kind, const ports::ResourceRef& ref, json::Value object, const std::string& manager,
               Fields fields = Fields::kTakeOver);

// Whether somebody beside that manager, and beside the one of first values, has given it fields; status apart.
bool IsOfOthersToo(const json::Value& object, const std::string& manager);

// kConflict: an object of that name is there and nobody gave it to an actor.
Error Taken(const ports::ResourceRef& ref);

// kUnavailable with the part to install, of a kind that the cluster does not serve.
Error NotServed(const Kind& kind);

// The object of that name, whoever's it is; null where there is none.
Result<json::Value> FindObject(Client& client, const Kind& kind, const ports::ResourceRef& ref);

// The object of that name, where it has the owner of `wanted`; null where there is none. kConflict: it is somebody
// else's.
Result<json::Value> FindOwn(Client& client, const Kind& kind, const ports::ResourceRef& ref, const json::Value& wanted);

}  // namespace asya::cluster::kubernetes
