#include "compositions/steps.h"
#include "core/base/clock.h"
#include "ports/credentials.h"

namespace asya::compositions {
namespace {

// What a relay needs after the handler's last moment to settle, and the kubelet to notice.
constexpr std::int64_t kGraceMarginSeconds = 30;
constexpr int kUser = 65532;

// From the actor's annotations to the pod template: where the local cluster finds code and interpreter.
constexpr const char* kLocalAnnotations[] = {"local.asya.sh/source-dir", "local.asya.sh/python"};

json::Value Annotations(const Context& context) {
  json::Value annotations = Overlaid(json::Object(), context.spec.Find("podAnnotations"));
  for (const char* key : kLocalAnnotations) {
    const std::string value = context.Annotation(key);
    if (!value.empty()) annotations[key] = value;
  }
  if (!context.settings.runtime_hash.empty() && context.has_runtime()) {
    annotations["asya.sh/runtime-hash"] = context.settings.runtime_hash;
  }
  if (!context.credentials_version.empty()) {
    annotations[ports::kCredentialsVersionAnnotation] = context.credentials_version;
  }
  return annotations;
}

json::Value PodSecurity(const Context& context) {
  json::Value restricted = json::Object{{"runAsNonRoot", true},
                                        {"runAsUser", kUser},
                                        {"runAsGroup", kUser},
                                        {"fsGroup", kUser},
                                        {"seccompProfile", json::Object{{"type", "RuntimeDefault"}}}};
  return Overlaid(std::move(restricted), context.spec.Find("podSecurityContext"));
}

// Made by the kubelet for this pod alone, and anew before the token's hour is over.
json::Value GatewayVolume(const Context& context) {
  json::Object token = {{"path", "token"}, {"audience", kGatewayAudience}, {"expirationSeconds", 3600}};
  json::Object authorities = {{"name", GatewayConfigMapName(context)}};
  json::Array sources = {json::Object{{"serviceAccountToken", std::move(token)}},
                         json::Object{{"configMap", std::move(authorities)}}};
  return json::Object{{"name", kGatewayVolume}, {"projected", json::Object{{"sources", std::move(sources)}}}};
}

void AddAll(json::Array& list, const json::Value* more) {
  if (more == nullptr) return;
  for (const json::Value& item : more->AsArray()) list.push_back(item);
}

void AddContainers(const Context& context, json::Value& pod) {
  json::Array first;
  json::Array main;
  if (!context.has_runtime()) {
    main.push_back(RenderRelayContainer(context));
  } else {
    first.push_back(RenderRelayContainer(context));
    main.push_back(RenderRuntimeContainer(context));
  }
  AddAll(first, context.spec.Find("initContainers"));
  for (json::Value& container : RenderStateContainers(context)) main.push_back(std::move(container));
  AddAll(main, context.spec.Find("sidecars"));
  if (!first.empty()) pod["initContainers"] = std::move(first);
  pod["containers"] = std::move(main);
}

}  // namespace

std::int64_t GraceSeconds(const Context& context) {
  if (const auto own = context.spec.GetInt("terminationGracePeriodSeconds")) return *own;
  const auto timeout = ParseGoDuration(context.spec.Find("resiliency")->GetString("actorTimeout").value_or("5m"));
  const auto whole = timeout ? std::chrono::ceil<std::chrono::seconds>(*timeout) : std::chrono::seconds(300);
  return whole.count() + kGraceMarginSeconds;
}

json::Array RenderVolumes(const Context& context) {
  json::Array volumes = {json::Object{{"name", "socket-dir"}, {"emptyDir", json::Object()}}};
  if (context.has_runtime()) {
    volumes.push_back(
        json::Object{{"name", "asya-runtime"}, {"configMap", json::Object{{"name", ConfigMapName(context)}}}});
  }
  if (!context.settings.gateway_ca_pem.empty()) volumes.push_back(GatewayVolume(context));
  if (context.transport_type == "pubsub" && !CredentialsSecretName(context).empty()) {
    volumes.push_back(json::Object{{"name", "asya-credentials"},
                                   {"secret", json::Object{{"secretName", CredentialsSecretName(context)}}}});
  }
  bool has_tmp = false;
  if (const json::Value* own = context.spec.Find("volumes")) {
    for (const json::Value& volume : own->AsArray()) {
      has_tmp = has_tmp || volume.GetString("name") == "tmp";
      volumes.push_back(volume);
    }
  }
  if (!has_tmp) volumes.push_back(json::Object{{"name", "tmp"}, {"emptyDir", json::Object()}});
  return volumes;
}

json::Value RenderPodTemplate(const Context& context) {
  json::Value labels = Overlaid(Labels(context, "actor"), context.spec.Find("podLabels"));
  json::Object metadata = {{"labels", std::move(labels)}};
  json::Value annotations = Annotations(context);
  if (!annotations.AsObject().empty()) metadata["annotations"] = std::move(annotations);
  json::Value pod = json::Object{{"securityContext", PodSecurity(context)},
                                 {"terminationGracePeriodSeconds", GraceSeconds(context)},
                                 {"enableServiceLinks", false},
                                 {"volumes", RenderVolumes(context)}};
  AddContainers(context, pod);
  const std::string account = ServiceAccountName(context);
  // Handlers have no business with the Kubernetes API unless they were given an account of their own.
  pod["automountServiceAccountToken"] = !account.empty();
  if (!account.empty()) pod["serviceAccountName"] = account;
  for (const char* field : {"nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "imagePullSecrets",
                            "priorityClassName", "runtimeClassName"}) {
    if (const json::Value* value = context.spec.Find(field)) pod[field] = *value;
  }
  return json::Object{{"metadata", std::move(metadata)}, {"spec", std::move(pod)}};
}

}  // namespace asya::compositions
