// The pieces that the kinds' schemas are put together from; used by model/kinds only.
#pragma once

#include <string>
#include <vector>

#include "model/kinds.h"
#include "model/schema.h"

namespace asya::model {

KindInfo AsyncActorKind();
KindInfo FlavorKind();
KindInfo TransportKind();
KindInfo FlowKind();
KindInfo CompositionKind();
KindInfo FunctionKind();

// apiVersion, kind, metadata, spec and status of one kind.
Schema RootSchema(const std::string& description, Schema spec, Schema status);
Schema ObjectMetaSchema();
// status.observedGeneration and status.conditions.
std::vector<Schema> StatusFields();
// All of AsyncActor spec, in the order of the docs.
std::vector<Schema> ActorSpecFields();
// The part of it that is passed to the pod template.
std::vector<Schema> PodFields();
Schema EnvironmentField(const std::string& description);
Schema ResourcesField(const std::string& description);
Schema ImagePullPolicyField(const std::string& description);
Schema ScalingField();
Schema ResiliencyField();
Schema StateProxyField();
Schema EndpointField();

}  // namespace asya::model
