#include "compositions/steps.h"

namespace asya::compositions {
namespace {

constexpr int kMetricsPort = 8080;

json::Value HttpProbe(const char* path, int period_seconds, int failures) {
  return json::Object{{"httpGet", json::Object{{"path", path}, {"port", kMetricsPort}}},
                      {"periodSeconds", period_seconds},
                      {"timeoutSeconds", 3},
                      {"failureThreshold", failures}};
}

std::string JsonAt(const Context& context, const char* field) {
  const json::Value* value = context.spec.FindPath({"resiliency", field});
  return value == nullptr ? std::string() : json::Dump(*value);
}

void AddTracing(const Context& context, json::Array& environment) {
  const json::Value* tracing = context.spec.Find("tracing");
  if (tracing == nullptr) return;
  environment.push_back(EnvironmentValue("OTEL_EXPORTER_OTLP_ENDPOINT", tracing->GetString("endpoint").value_or("")));
  environment.push_back(
      EnvironmentValue("OTEL_EXPORTER_OTLP_PROTOCOL", tracing->GetString("protocol").value_or("http")));
}

json::Array Environment(const Context& context) {
  const bool is_end = context.identity == "x-sink" || context.identity == "x-sump";
  json::Array environment = {
      EnvironmentValue("ASYA_ACTOR_NAME", context.identity),
      EnvironmentValue("ASYA_NAMESPACE", context.namespace_),
      EnvironmentValue("ASYA_SOCKET_DIR", kSocketDir),
      EnvironmentValue("ASYA_ACTOR_SINK", "x-sink"),
      EnvironmentValue("ASYA_ACTOR_SUMP", "x-sump"),
      EnvironmentValue("ASYA_IS_END_ACTOR", is_end ? "true" : "false"),
      EnvironmentValue("ASYA_CONCURRENCY", std::to_string(context.spec.GetInt("concurrency").value_or(1))),
      EnvironmentValue("ASYA_RESILIENCY_ACTOR_TIMEOUT",
                       context.spec.Find("resiliency")->GetString("actorTimeout").value_or("5m")),
  };
  // Before everything that holds secrets: Kubernetes fills in $(NAME) of what comes before it, and of nothing else. The
  // relay fills in the values of the user's own variables itself, once it has parsed the headers.
  if (const json::Value* endpoint = context.spec.Find("endpoint")) {
    environment.push_back(EnvironmentValue("ASYA_ENDPOINT", json::Dump(*endpoint)));
  }
  for (const auto& [name, field] :
       {std::pair("ASYA_RESILIENCY_POLICIES", "policies"), std::pair("ASYA_RESILIENCY_RULES", "rules")}) {
    const std::string text = JsonAt(context, field);
    if (!text.empty()) environment.push_back(EnvironmentValue(name, text));
  }
  if (!context.settings.gateway_url.empty()) {
    environment.push_back(EnvironmentValue("ASYA_GATEWAY_URL", context.settings.gateway_url));
  }
  if (!context.settings.gateway_ca_pem.empty()) {
    const std::string folder = kGatewayDir;
    environment.push_back(EnvironmentValue("ASYA_GATEWAY_CA_FILE", folder + "/ca.crt"));
    environment.push_back(EnvironmentValue("ASYA_GATEWAY_TOKEN_FILE", folder + "/token"));
  }
  for (const auto& [name, value] : context.settings.relay_environment) {
    environment.push_back(EnvironmentValue(name, value));
  }
  for (json::Value& entry : TransportEnvironment(context)) environment.push_back(std::move(entry));
  AddTracing(context, environment);
  if (context.ends_in_relay()) environment.push_back(EnvironmentValue("ASYA_END_IN_RELAY", "true"));
  if (!context.has_runtime()) AddOwnEnvironment(context, environment);
  const json::Value* own = context.spec.FindPath({"sidecar", "env"});
  if (own != nullptr && own->IsArray()) {
    for (const json::Value& entry : own->AsArray()) SetEnvironment(environment, entry);
  }
  return environment;
}

json::Array Mounts(const Context& context) {
  json::Array mounts = {json::Object{{"name", "socket-dir"}, {"mountPath", kSocketDir}}};
  if (!context.settings.gateway_ca_pem.empty()) {
    mounts.push_back(json::Object{{"name", kGatewayVolume}, {"mountPath", kGatewayDir}, {"readOnly", true}});
  }
  if (context.transport_type == "pubsub" && !CredentialsSecretName(context).empty()) {
    mounts.push_back(
        json::Object{{"name", "asya-credentials"}, {"mountPath", "/var/run/asya-credentials"}, {"readOnly", true}});
  }
  return mounts;
}

}  // namespace

json::Value RenderRelayContainer(const Context& context) {
  const Settings& settings = context.settings;
  const json::Value none = json::Object();
  const json::Value* found = context.spec.Find("sidecar");
  const json::Value& sidecar = found == nullptr ? none : *found;
  json::Object container = {
      {"name", "asya-relay"},
      {"image", sidecar.GetString("image").value_or(settings.relay_image)},
      {"imagePullPolicy", sidecar.GetString("imagePullPolicy").value_or(settings.relay_image_pull_policy)},
      {"env", Environment(context)},
      {"ports", json::Array{json::Object{{"name", "asya-metrics"}, {"containerPort", kMetricsPort}}}},
      // Only the relay itself: it starts before the runtime, so waiting for the runtime here would never end.
      {"startupProbe", HttpProbe("/healthz", 1, 60)},
      {"readinessProbe", HttpProbe("/readyz", 5, 2)},
      {"livenessProbe", HttpProbe("/healthz", 10, 3)},
      {"securityContext", json::Object{{"allowPrivilegeEscalation", false},
                                       {"readOnlyRootFilesystem", true},
                                       {"capabilities", json::Object{{"drop", json::Array{"ALL"}}}}}},
      {"volumeMounts", Mounts(context)},
  };
  if (!context.has_runtime()) {
    // The relay is the actor's own container.
    for (const char* field : {"envFrom", "resources"}) {
      if (const json::Value* value = context.spec.Find(field)) container[field] = *value;
    }
  } else {
    // A native sidecar: starts first, and ends after the runtime has drained.
    container["restartPolicy"] = "Always";
  }
  if (const json::Value* resources = sidecar.Find("resources")) container["resources"] = *resources;
  return container;
}

}  // namespace asya::compositions
