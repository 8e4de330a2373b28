#include <algorithm>
#include <string_view>

#include "compositions/steps.h"
#include "ports/postgres_queues.h"

namespace asya::compositions {
namespace {

// KEDA names the autoscaler keda-hpa-{name}, which must stay a name of at most 63 bytes.
constexpr std::size_t kPlainNameLimitBytes = 54;

const json::Value& Scaling(const Context& context) { return *context.spec.Find("scaling"); }

json::Value Number(const Context& context, const char* field, std::int64_t fallback) {
  return Scaling(context).GetInt(field).value_or(fallback);
}

std::string QueueLength(const Context& context) {
  return std::to_string(Scaling(context).GetInt("queueLength").value_or(5));
}

std::string BlockText(const Context& context, const char* field) {
  const json::Value* value = context.transport_block.Find(field);
  return value != nullptr && value->IsString() ? value->AsString() : std::string();
}

json::Value ManagedTrigger(const Context& context) {
  json::Object metadata = {{"scalerAddress", context.settings.scaler_address},
                           {"namespace", context.namespace_},
                           {"actor", context.name},
                           {"queue", context.queue}};
  if (context.settings.scaler_tls) metadata["enableTLS"] = "true";
  return json::Object{{"type", "external-push"}, {"metadata", std::move(metadata)}};
}

json::Value NativeTrigger(const Context& context) {
  if (context.transport_type == "rabbitmq") {
    // By http: the amqp protocol counts only what is ready, so that a busy last pod would be taken away.
    json::Object metadata = {{"protocol", "http"},
                             {"host", BlockText(context, "managementUrl")},
                             {"queueName", context.queue},
                             {"mode", "QueueLength"},
                             {"value", QueueLength(context)},
                             {"vhostName", BlockText(context, "virtualHost")}};
    if (BlockText(context, "virtualHost").empty()) metadata["vhostName"] = "/";
    return json::Object{{"type", "rabbitmq"}, {"metadata", std::move(metadata)}};
  }
  if (context.transport_type == "sqs") {
    json::Object metadata = {{"queueURL", context.queue},
                             {"queueLength", QueueLength(context)},
                             {"awsRegion", BlockText(context, "region")}};
    if (const std::string endpoint = BlockText(context, "endpoint"); !endpoint.empty())
      metadata["awsEndpoint"] = endpoint;
    return json::Object{{"type", "aws-sqs-queue"}, {"metadata", std::move(metadata)}};
  }
  if (context.transport_type == "postgres") {
    json::Object metadata = {{"query", ports::QueueLengthStatement(context.queue)},
                             {"targetQueryValue", QueueLength(context)}};
    return json::Object{{"type", "postgresql"}, {"metadata", std::move(metadata)}};
  }
  json::Object metadata = {
      {"subscriptionName", context.queue}, {"mode", "SubscriptionSize"}, {"value", QueueLength(context)}};
  return json::Object{{"type", "gcp-pubsub"}, {"metadata", std::move(metadata)}};
}

json::Array Triggers(const Context& context) {
  json::Value own = IsNative(context) ? NativeTrigger(context) : ManagedTrigger(context);
  own["name"] = "queue";
  own["metricType"] = "AverageValue";
  if (RenderTriggerAuthentication(context)) {
    own["authenticationRef"] = json::Object{{"name", TriggerAuthenticationName(context)}};
  }
  json::Array triggers = {std::move(own)};
  if (const json::Value* more = Scaling(context).Find("additionalTriggers")) {
    for (const json::Value& trigger : more->AsArray()) triggers.push_back(trigger);
  }
  return triggers;
}

json::Value Advanced(const Context& context) {
  const json::Object up_policy = {{"type", "Percent"}, {"value", 10000}, {"periodSeconds", 15}};
  json::Object up = {{"stabilizationWindowSeconds", 0}, {"policies", json::Array{up_policy}}};
  // The value is the count itself, so that one more is meant as one more. Clusters before 1.35 drop it, and leave alone
  // what is within a tenth; our leader makes those steps.
  if (!IsNative(context)) up["tolerance"] = "0";
  json::Object behavior = {{"scaleUp", std::move(up)}};
  // In managed mode the scaler lowers the count itself, in an order that ends no busy pod.
  if (!IsNative(context)) behavior["scaleDown"] = json::Object{{"selectPolicy", "Disabled"}};
  json::Object autoscaler = {{"behavior", std::move(behavior)}};
  if (context.name.size() > kPlainNameLimitBytes) autoscaler["name"] = context.name;
  json::Value advanced = json::Object{{"horizontalPodAutoscalerConfig", std::move(autoscaler)}};
  const json::Value* own = Scaling(context).Find("advanced");
  if (own == nullptr) return advanced;
  if (const json::Value* restore = own->Find("restoreToOriginalReplicaCount"))
    advanced["restoreToOriginalReplicaCount"] = *restore;
  if (!IsNative(context)) return advanced;
  json::Object modifiers;
  for (const char* field : {"formula", "target", "activationTarget", "metricType"}) {
    if (const json::Value* value = own->Find(field)) modifiers[field] = *value;
  }
  if (!modifiers.empty()) advanced["scalingModifiers"] = std::move(modifiers);
  return advanced;
}

json::Value Target(const Context& context) {
  const json::Value* workload = context.spec.Find("workloadRef");
  if (workload == nullptr) return json::Object{{"name", context.name}};
  return *workload;
}

// The kinds that are known to have /scale.
bool CanScale(const json::Value& workload) {
  const std::string kind = workload.GetString("kind").value_or("");
  const std::string version = workload.GetString("apiVersion").value_or("");
  const bool apps = std::string_view(version).substr(0, 5) == "apps/";
  return apps && (kind == "Deployment" || kind == "StatefulSet" || kind == "ReplicaSet");
}

}  // namespace

bool IsNative(const Context& context) {
  if (Scaling(context).GetString("mode").value_or("managed") != "native") return false;
  const bool may_log_in = !CredentialsSecretName(context).empty();
  return context.transport_type == "sqs" || context.transport_type == "pubsub" ||
         (context.transport_type == "postgres" && may_log_in) ||
         (context.transport_type == "rabbitmq" && may_log_in && !BlockText(context, "managementUrl").empty());
}

std::optional<json::Value> RenderScaledObject(const Context& context, std::vector<std::string>& warnings) {
  if (!context.scales()) return std::nullopt;
  if (Scaling(context).GetString("mode") == "native" && !IsNative(context)) {
    std::string lack = " (" + context.transport_type + ") has none";
    if (context.transport_type == "rabbitmq" || context.transport_type == "postgres") {
      const bool lacks_url = context.transport_type == "rabbitmq" && BlockText(context, "managementUrl").empty();
      lack = lacks_url ? " has no managementUrl" : " has no credentialsSecretRef";
    }
    warnings.push_back("spec.scaling.mode: native needs a trigger of KEDA's, and transport " +
                       json::Quote(context.transport) + lack + ": our scaler decides");
  }
  const json::Value* workload = context.spec.Find("workloadRef");
  if (workload != nullptr && !CanScale(*workload)) {
    warnings.push_back("spec.workloadRef: no scaler, since " + workload->GetString("kind").value_or("") +
                       " is not known to have a scale subresource");
    return std::nullopt;
  }
  json::Value object = Child(context, "keda.sh/v1alpha1", "ScaledObject", context.name, "scaledobject");
  // KEDA adds this label itself; without it GitOps tools see drift.
  object["metadata"]["labels"]["scaledobject.keda.sh/name"] = context.name;
  if (context.paused()) object["metadata"]["annotations"] = json::Object{{"autoscaling.keda.sh/paused-replicas", "0"}};
  const std::int64_t min = Scaling(context).GetInt("minReplicaCount").value_or(0);
  object["spec"] = json::Object{
      {"scaleTargetRef", Target(context)},
      {"pollingInterval", Number(context, "pollingInterval", 30)},
      {"cooldownPeriod", Number(context, "cooldownPeriod", 300)},
      {"minReplicaCount", min},
      {"maxReplicaCount", Number(context, "maxReplicaCount", 10)},
      // While our server is down the replicas hold. With 0 here KEDA would take that for no work, and the last ones
      // away after cooldownPeriod; as a count it is not used.
      {"fallback",
       json::Object{
           {"failureThreshold", 3}, {"replicas", std::max<std::int64_t>(min, 1)}, {"behavior", "currentReplicas"}}},
      {"advanced", Advanced(context)},
      {"triggers", Triggers(context)},
  };
  return object;
}

}  // namespace asya::compositions
