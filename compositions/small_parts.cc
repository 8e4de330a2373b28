#include <algorithm>
#include <string_view>

#include "compositions/steps.h"

namespace asya::compositions {
namespace {

// Cloud identities are bound to ServiceAccounts by annotations of these prefixes.
constexpr std::string_view kIdentityPrefixes[] = {"eks.amazonaws.com/", "iam.gke.io/", "azure.workload.identity/"};

bool AsksForServiceAccount(const Context& context) { return context.Annotation("asya.sh/service-account") == "create"; }

json::Value IdentityAnnotations(const Context& context) {
  json::Object annotations;
  const json::Value* own = context.actor.FindPath({"metadata", "annotations"});
  if (own == nullptr || !own->IsObject()) return annotations;
  for (const auto& [key, value] : own->AsObject()) {
    for (const std::string_view prefix : kIdentityPrefixes) {
      if (key.substr(0, prefix.size()) == prefix) annotations[key] = value;
    }
  }
  return annotations;
}

}  // namespace

std::string ServiceAccountName(const Context& context) {
  if (const auto own = context.spec.GetString("serviceAccountName")) return *own;
  return AsksForServiceAccount(context) ? context.name : std::string();
}

std::optional<json::Value> RenderServiceAccount(const Context& context) {
  if (!AsksForServiceAccount(context)) return std::nullopt;
  json::Value account = Child(context, "v1", "ServiceAccount", ServiceAccountName(context), "serviceaccount");
  json::Value annotations = IdentityAnnotations(context);
  if (!annotations.AsObject().empty()) account["metadata"]["annotations"] = std::move(annotations);
  return account;
}

std::string ConfigMapName(const Context& context) { return context.name + "-runtime"; }

std::optional<json::Value> RenderConfigMap(const Context& context) {
  if (!context.has_runtime()) return std::nullopt;
  json::Value map = Child(context, "v1", "ConfigMap", ConfigMapName(context), "runtime");
  if (!context.settings.runtime_hash.empty()) {
    map["metadata"]["annotations"] = json::Object{{"asya.sh/runtime-hash", context.settings.runtime_hash}};
  }
  if (!context.settings.runtime_base64.empty()) {
    map["binaryData"] = json::Object{{kRuntimeFile, context.settings.runtime_base64}};
  }
  return map;
}

std::string GatewayConfigMapName(const Context& context) { return context.name + "-gateway"; }

std::optional<json::Value> RenderGatewayConfigMap(const Context& context) {
  const bool for_relays = !context.settings.gateway_ca_pem.empty();
  if (!for_relays && !TellsKedaTheCa(context)) return std::nullopt;
  json::Value map = Child(context, "v1", "ConfigMap", GatewayConfigMapName(context), "gateway");
  map["data"] = json::Object{{"ca.crt", for_relays ? context.settings.gateway_ca_pem : context.settings.scaler_ca_pem}};
  return map;
}

std::optional<json::Value> RenderDisruptionBudget(const Context& context) {
  const std::string asked = context.Annotation("asya.sh/max-unavailable");
  if (asked.empty() || context.has_workload()) return std::nullopt;
  json::Value budget = Child(context, "policy/v1", "PodDisruptionBudget", context.name, "disruptionbudget");
  const bool count =
      asked.size() < 10 && std::all_of(asked.begin(), asked.end(), [](char c) { return c >= '0' && c <= '9'; });
  budget["spec"] =
      json::Object{{"maxUnavailable", count ? json::Value(std::int64_t{std::stoll(asked)}) : json::Value(asked)},
                   {"selector", json::Object{{"matchLabels", SelectorLabels(context)}}}};
  return budget;
}

}  // namespace asya::compositions
