#include <algorithm>
#include <string_view>

#include "compositions/steps.h"

namespace asya::compositions {
namespace {

constexpr const char* kSocketVolume = "socket-dir";
// A name that no chart has for something else.
constexpr const char* kInjectedSocketVolume = "asya-socket";
// Not 8080, on which half of all model servers listen: the containers of a pod share their ports.
constexpr int kInjectedMetricsPort = 18080;
constexpr int kRelayUser = 65532;

const json::Array& ListOf(const json::Value& object, std::string_view field) {
  static const json::Array none;
  const json::Value* value = object.Find(field);
  return value != nullptr && value->IsArray() ? value->AsArray() : none;
}

bool Holds(const json::Array& list, std::string_view key, std::string_view value) {
  return std::any_of(list.begin(), list.end(), [&](const json::Value& one) { return one.GetString(key) == value; });
}

void RenameSocketMounts(json::Value& container) {
  json::Value* mounts = container.Find("volumeMounts");
  if (mounts == nullptr) return;
  for (json::Value& mount : mounts->AsArray()) {
    if (mount.GetString("name") == kSocketVolume) mount["name"] = kInjectedSocketVolume;
  }
}

// The pod's own security may be any: what the relay needs stands in its container.
void Restrict(json::Value& relay) {
  json::Value& security = relay["securityContext"];
  security["runAsNonRoot"] = true;
  security["runAsUser"] = kRelayUser;
  security["runAsGroup"] = kRelayUser;
  security["seccompProfile"] = json::Object{{"type", "RuntimeDefault"}};
}

json::Value Relay(const Context& context) {
  json::Value relay = RenderRelayContainer(context);
  RenameSocketMounts(relay);
  Restrict(relay);
  relay["restartPolicy"] = "Always";
  json::Array& environment = relay["env"].AsArray();
  SetEnvironment(environment, EnvironmentValue("ASYA_METRICS_ADDR", ":" + std::to_string(kInjectedMetricsPort)));
  if (context.has_endpoint() && !Holds(environment, "name", "ASYA_ENDPOINT_ALLOW")) {
    // The model server is in the same pod.
    environment.push_back(EnvironmentValue("ASYA_ENDPOINT_ALLOW", "loopback"));
  }
  relay["ports"].AsArray().front()["containerPort"] = kInjectedMetricsPort;
  // Who else calls the pod must not lose it since a broker is away.
  relay.AsObject().erase("readinessProbe");
  for (const char* probe : {"startupProbe", "livenessProbe"}) relay[probe]["httpGet"]["port"] = kInjectedMetricsPort;
  return relay;
}

// Without what is there for containers that we render whole: image, security, HOME and /tmp of our own choice.
json::Value Runtime(const Context& context) {
  json::Value runtime = RenderRuntimeContainer(context);
  RenameSocketMounts(runtime);
  for (const char* field : {"name", "image", "imagePullPolicy"}) runtime.AsObject().erase(field);
  if (const json::Value* own = context.spec.Find("securityContext")) {
    runtime["securityContext"] = *own;
  } else {
    runtime.AsObject().erase("securityContext");
  }
  runtime["args"] = nullptr;  // they would become those of the runtime
  if (!Holds(ListOf(context.spec, "env"), "name", "HOME")) {
    std::erase_if(runtime["env"].AsArray(), [](const json::Value& one) { return one.GetString("name") == "HOME"; });
  }
  if (!Holds(ListOf(context.spec, "volumeMounts"), "mountPath", "/tmp")) {
    std::erase_if(runtime["volumeMounts"].AsArray(),
                  [](const json::Value& one) { return one.GetString("mountPath") == "/tmp"; });
  }
  return runtime;
}

json::Array InjectedVolumes(const Context& context) {
  json::Array volumes = RenderVolumes(context);
  for (json::Value& volume : volumes) {
    if (volume.GetString("name") == kSocketVolume) volume["name"] = kInjectedSocketVolume;
  }
  if (!Holds(ListOf(context.spec, "volumes"), "name", "tmp")) {
    std::erase_if(volumes, [](const json::Value& one) { return one.GetString("name") == "tmp"; });
  }
  return volumes;
}

}  // namespace

std::optional<ports::InjectedParts> RenderInjectedParts(const Context& context) {
  if (!context.has_workload()) return std::nullopt;
  ports::InjectedParts parts;
  parts.relay = Relay(context);
  if (context.has_runtime()) parts.runtime = Runtime(context);
  parts.containers = RenderStateContainers(context);
  for (json::Value& container : parts.containers) RenameSocketMounts(container);
  parts.volumes = InjectedVolumes(context);
  parts.pull_secrets = ListOf(context.spec, "imagePullSecrets");
  parts.grace_seconds = GraceSeconds(context);
  return parts;
}

}  // namespace asya::compositions
