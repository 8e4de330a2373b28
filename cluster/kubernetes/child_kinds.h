// ChildKinds: the kinds that an actor is rendered into, and where the Kubernetes API serves them.
#pragma once

#include <string>
#include <vector>

#include "ports/resource.h"

namespace asya::cluster::kubernetes {

using ports::FindCondition;
using ports::kOwnerLabel;
using ports::LabelOf;
using ports::MetadataOf;
using ports::RefOf;

inline constexpr const char* kActorLabel = "asya.sh/actor";

struct Kind {
  std::string api_version;  // "apps/v1"
  std::string name;         // "Deployment"
  std::string resource;     // "deployments"
  // Served by a part that a cluster may lack. KEDA brings its kinds.
  bool optional = false;
};

// In the order in which they are watched.
const std::vector<Kind>& ChildKinds();
const Kind& PodKind();
// Null for a kind that is none of them.
const Kind* FindChildKind(const ports::ResourceRef& ref);

// Of all namespaces, such as "/apis/apps/v1/deployments".
std::string CollectionPath(const Kind& kind);
std::string ObjectPath(const Kind& kind, const ports::ResourceRef& ref);

}  // namespace asya::cluster::kubernetes
