#include "webhooks/configurations.h"

#include <utility>

#include "core/base/base64.h"
#include "model/kinds.h"
#include "webhooks/admission.h"
#include "webhooks/injection.h"

namespace asya::webhooks {
namespace {

json::Object Webhook(const ConfigurationSettings& settings, const char* name, const char* path) {
  json::Object client{
      {"service",
       json::Object{
           {"name", settings.service}, {"namespace", settings.namespace_}, {"port", settings.port}, {"path", path}}}};
  if (!settings.ca_pem.empty()) client["caBundle"] = EncodeBase64(settings.ca_pem);
  // A pod without its relay would run and never get work, so nobody takes it.
  return json::Object{{"name", name},
                      {"admissionReviewVersions", json::Array{"v1"}},
                      {"clientConfig", std::move(client)},
                      {"failurePolicy", "Fail"},
                      {"matchPolicy", "Equivalent"},
                      {"sideEffects", "None"},
                      {"timeoutSeconds", kTimeoutSeconds}};
}

json::Object Rule(const char* group, const char* version, json::Array operations, const char* resources,
                  const char* scope) {
  return json::Object{{"apiGroups", json::Array{group}},
                      {"apiVersions", json::Array{version}},
                      {"operations", std::move(operations)},
                      {"resources", json::Array{resources}},
                      {"scope", scope}};
}

json::Object OfPods(const ConfigurationSettings& settings, const char* name, const char* path) {
  json::Object webhook = Webhook(settings, name, path);
  webhook["rules"] = json::Array{Rule("", "v1", {"CREATE"}, "pods", "Namespaced")};
  webhook["objectSelector"] = json::Object{{"matchLabels", json::Object{{kInjectLabel, "true"}}}};
  // A control plane, and this server, must come up without us.
  webhook["namespaceSelector"] = json::Object{
      {"matchExpressions", json::Array{json::Object{{"key", "kubernetes.io/metadata.name"},
                                                    {"operator", "NotIn"},
                                                    {"values", json::Array{"kube-system", settings.namespace_}}}}}};
  return webhook;
}

json::Value Configuration(const char* kind, const char* name, json::Array webhooks) {
  return json::Object{
      {"apiVersion", "admissionregistration.k8s.io/v1"},
      {"kind", kind},
      {"metadata", json::Object{{"name", name}, {"labels", json::Object{{"app.kubernetes.io/part-of", "asya"}}}}},
      {"webhooks", std::move(webhooks)}};
}

}  // namespace

std::vector<json::Value> RenderConfigurations(const ConfigurationSettings& settings) {
  json::Object inject = OfPods(settings, kInjectName, kInjectPath);
  inject["reinvocationPolicy"] = "IfNeeded";
  json::Object kinds = Webhook(settings, "kinds.asya.sh", kKindsPath);
  const std::string group(model::kGroup);
  const std::string version(model::kVersion);
  kinds["rules"] = json::Array{Rule(group.c_str(), version.c_str(), {"CREATE", "UPDATE"}, "*", "*")};
  return {Configuration("MutatingWebhookConfiguration", kMutatingName, json::Array{std::move(inject)}),
          Configuration("ValidatingWebhookConfiguration", kValidatingName,
                        json::Array{OfPods(settings, "check.pods.asya.sh", kCheckPath), std::move(kinds)})};
}

}  // namespace asya::webhooks
