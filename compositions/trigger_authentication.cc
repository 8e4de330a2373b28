#include "compositions/steps.h"
#include "core/base/sha256.h"

namespace asya::compositions {
namespace {

constexpr std::size_t kCaDigits = 8;

json::Value Target(const char* parameter, const std::string& name, const char* key) {
  return json::Object{{"parameter", parameter}, {"name", name}, {"key", key}};
}

json::Value ManagedSpec(const Context& context) {
  if (TellsKedaTheCa(context)) {
    json::Array targets = {Target("caCert", GatewayConfigMapName(context), "ca.crt")};
    return json::Object{{"configMapTargetRef", std::move(targets)}};
  }
  const std::string& secret = context.settings.scaler_ca_secret;
  if (secret.empty()) return nullptr;
  json::Array targets = {Target("caCert", secret, "ca.crt")};
  return json::Object{{"secretTargetRef", std::move(targets)}};
}

json::Value NativeSpec(const Context& context) {
  const std::string secret = CredentialsSecretName(context);
  if (secret.empty()) {
    // Without credentials of the transport the pods' own cloud identity counts.
    if (context.transport_type == "sqs") return json::Object{{"podIdentity", json::Object{{"provider", "aws"}}}};
    if (context.transport_type == "pubsub") return json::Object{{"podIdentity", json::Object{{"provider", "gcp"}}}};
    return nullptr;
  }
  json::Array targets;
  if (context.transport_type == "rabbitmq") {
    targets = {Target("username", secret, "username"), Target("password", secret, "password")};
  } else if (context.transport_type == "sqs") {
    targets = {Target("awsAccessKeyID", secret, "AWS_ACCESS_KEY_ID"),
               Target("awsSecretAccessKey", secret, "AWS_SECRET_ACCESS_KEY")};
  } else if (context.transport_type == "postgres") {
    targets = {Target("connection", secret, "url")};
  } else {
    targets = {Target("GoogleApplicationCredentials", secret, "credentials.json")};
  }
  return json::Object{{"secretTargetRef", std::move(targets)}};
}

}  // namespace

bool TellsKedaTheCa(const Context& context) {
  const Settings& settings = context.settings;
  return context.scales() && !IsNative(context) && settings.scaler_tls && settings.scaler_ca_secret.empty() &&
         !settings.scaler_ca_pem.empty();
}

// KEDA reads a ConfigMap when it begins with a trigger, and its open streams keep what was read. A new name is a new
// trigger, so that it knows the next CA before that one is used.
std::string TriggerAuthenticationName(const Context& context) {
  const std::string name = context.name + "-trigger-auth";
  if (!TellsKedaTheCa(context)) return name;
  return name + "-" + Sha256Hex(context.settings.scaler_ca_pem).substr(0, kCaDigits);
}

std::optional<json::Value> RenderTriggerAuthentication(const Context& context) {
  if (!context.scales()) return std::nullopt;
  json::Value spec = IsNative(context) ? NativeSpec(context) : ManagedSpec(context);
  if (spec.IsNull()) return std::nullopt;
  json::Value object = Child(context, "keda.sh/v1alpha1", "TriggerAuthentication", TriggerAuthenticationName(context),
                             "triggerauthentication");
  object["spec"] = std::move(spec);
  return object;
}

}  // namespace asya::compositions
