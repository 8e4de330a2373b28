// Steps: the pure functions that each render one part of an actor; used by compositions only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compositions/context.h"

namespace asya::compositions {

inline constexpr const char* kSocketDir = "/var/run/asya";
// The CAs of the gateway and the token for it.
inline constexpr const char* kGatewayDir = "/var/run/asya-gateway";
inline constexpr const char* kGatewayVolume = "asya-gateway";
inline constexpr const char* kRuntimePath = "/opt/asya/asya_runtime.pyz";
inline constexpr const char* kRuntimeFile = "asya_runtime.pyz";
inline constexpr const char* kStateSocketDir = "/var/run/asya/state";

// Where asked by the annotation asya.sh/service-account: create.
std::optional<json::Value> RenderServiceAccount(const Context& context);
// The runtime archive; none with an endpoint.
std::optional<json::Value> RenderConfigMap(const Context& context);
// The CAs of the servers, where relays or KEDA are told them.
std::optional<json::Value> RenderGatewayConfigMap(const Context& context);
// Credentials of the scaler's trigger, where it needs any.
std::optional<json::Value> RenderTriggerAuthentication(const Context& context);
// None when scaling is off or a workloadRef cannot be scaled; says so in `warnings`.
std::optional<json::Value> RenderScaledObject(const Context& context, std::vector<std::string>& warnings);
// None with a workloadRef. Without spec.replicas where the actor scales.
std::optional<json::Value> RenderDeployment(const Context& context);
// The Deployment with its first replica count, for when there is none yet.
json::Value WithFirstReplicas(const Context& context, json::Value deployment);
// Where asked by the annotation asya.sh/max-unavailable.
std::optional<json::Value> RenderDisruptionBudget(const Context& context);

json::Value RenderPodTemplate(const Context& context);
json::Array RenderVolumes(const Context& context);
// Within which a pod has to end its work: terminationGracePeriodSeconds.
std::int64_t GraceSeconds(const Context& context);
// What pods of others get; none without a workloadRef.
std::optional<ports::InjectedParts> RenderInjectedParts(const Context& context);
json::Value RenderRelayContainer(const Context& context);
json::Value RenderRuntimeContainer(const Context& context);
json::Array RenderStateContainers(const Context& context);
// Variables that the actor gives to the container that does its work: env, then secretRefs.
void AddOwnEnvironment(const Context& context, json::Array& environment);
// What a relay needs to reach the broker.
json::Array TransportEnvironment(const Context& context);
// The trigger mode that is really used: native only where the broker has a trigger of KEDA's.
bool IsNative(const Context& context);
std::string ServiceAccountName(const Context& context);
std::string ConfigMapName(const Context& context);
std::string GatewayConfigMapName(const Context& context);
std::string TriggerAuthenticationName(const Context& context);
// Whether KEDA is told the CAs of the servers by the ConfigMap that is rendered for it.
bool TellsKedaTheCa(const Context& context);
// Name of the copy of the transport's credentials in the actor's namespace; empty when the transport has none.
std::string CredentialsSecretName(const Context& context);
// What the spec asks for and this installation cannot give, each with its field.
Status CheckSettings(const Context& context);

}  // namespace asya::compositions
