#include "server/render_aggregation.h"

#include <map>
#include <utility>

#include "core/base/base64.h"
#include "core/yaml/dump.h"
#include "model/kinds.h"
#include "model/validate/syntax.h"
#include "ports/credentials.h"
#include "server/flags.h"
#include "server/installation.h"
#include "server/serving_secret.h"
#include "server/watched_files.h"
#include "webhooks/configurations.h"

namespace asya::server {
namespace {

constexpr const char* kRbac = "rbac.authorization.k8s.io";
constexpr const char* kRbacVersion = "rbac.authorization.k8s.io/v1";
constexpr int kServerPort = 6443;
constexpr int kScalerPort = 6000;
constexpr const char* kTasks = "tasks";  // of the gateway, which asks the cluster who may do what with them
constexpr const char* kDeadLetters = "deadletters";
constexpr const char* kTaskEvents = "tasks/events";  // as kube-apiserver asks for it where it passes them on
constexpr const char* kReplays = "deadletters/replay";
constexpr int kGroupPriority = 1000;  // among groups that have a kind of the same name
constexpr int kVersionPriority = 15;

json::Object Head(const char* api_version, const char* kind, const std::string& name, const std::string& namespace_) {
  json::Object metadata{{"name", name}, {"labels", json::Object{{"app.kubernetes.io/part-of", "asya"}}}};
  if (!namespace_.empty()) metadata["namespace"] = namespace_;
  return json::Object{{"apiVersion", api_version}, {"kind", kind}, {"metadata", std::move(metadata)}};
}

json::Object Rule(const std::string& group, json::Array resources, json::Array verbs) {
  return json::Object{
      {"apiGroups", json::Array{group}}, {"resources", std::move(resources)}, {"verbs", std::move(verbs)}};
}

// The plurals of one scope, each also with every one of `parts` behind it.
json::Array Resources(bool namespaced, const std::vector<std::string>& parts) {
  json::Array names;
  for (const model::KindInfo& kind : model::Kinds()) {
    if (kind.namespaced != namespaced) continue;
    for (const std::string& part : parts) {
      const bool there = (part != "/scale" || kind.has_scale) && (part != "/status" || kind.has_status);
      if (there) names.emplace_back(kind.plural + part);
    }
  }
  return names;
}

json::Value AggregatedRole(const std::string& name, const std::vector<const char*>& into, json::Array rules) {
  json::Object role = Head(kRbacVersion, "ClusterRole", name, "");
  json::Value& labels = role["metadata"]["labels"];
  for (const char* target : into) labels[std::string(kRbac) + "/aggregate-to-" + target] = "true";
  role["rules"] = std::move(rules);
  return role;
}

// What users of the cluster get by its roles view, edit and admin.
void AddUserRoles(std::vector<json::Value>& objects) {
  const std::string group(model::kGroup);
  const json::Array reads{"get", "list", "watch"};
  const json::Array writes{"create", "delete", "deletecollection", "patch", "update"};
  const json::Array changes{"patch", "update"};
  const std::vector<std::string> whole{"", "/status", "/scale", "/history", "/diff"};
  objects.push_back(
      AggregatedRole("asya-view", {"view", "edit", "admin"},
                     {Rule(group, Resources(true, whole), reads), Rule(group, Resources(false, whole), reads),
                      Rule(group, {kTasks, kDeadLetters}, {"get", "list"}), Rule(group, {kTaskEvents}, {"get"}),
                      Rule(group, {"asyncactors/decisions"}, {"get"})}));
  objects.push_back(
      AggregatedRole("asya-edit", {"edit", "admin"},
                     {Rule(group, Resources(true, {""}), writes), Rule(group, Resources(true, {"/scale"}), changes),
                      Rule(group, Resources(true, {"/restore"}), {"create"}), Rule(group, {"plans"}, {"create"}),
                      Rule(group, {kTasks}, {"create", "delete"}), Rule(group, {kReplays}, {"create"})}));
  // A binding in one namespace gives nothing of it: these kinds lie in none.
  objects.push_back(AggregatedRole(
      "asya-admin", {"admin"},
      {Rule(group, Resources(false, {""}), writes), Rule(group, Resources(false, {"/restore"}), {"create"})}));
}

json::Value Bound(const char* kind, const std::string& name, const std::string& namespace_, const char* role_kind,
                  const std::string& role, const AggregationSettings& settings) {
  json::Object binding = Head(kRbacVersion, kind, name, namespace_);
  binding["roleRef"] = json::Object{{"apiGroup", kRbac}, {"kind", role_kind}, {"name", role}};
  binding["subjects"] = json::Array{
      json::Object{{"kind", "ServiceAccount"}, {"name", settings.service_account}, {"namespace", settings.namespace_}}};
  return binding;
}

// To keep its CAs in what kube-apiserver knows of its webhooks, and to have pods replaced that were made before them.
void AddWebhookRights(json::Array& rules) {
  for (const auto& [resource, name] : {std::pair("mutatingwebhookconfigurations", webhooks::kMutatingName),
                                       std::pair("validatingwebhookconfigurations", webhooks::kValidatingName)}) {
    json::Object rule = Rule("admissionregistration.k8s.io", {resource}, {"get", "patch"});
    rule["resourceNames"] = json::Array{name};
    rules.emplace_back(std::move(rule));
  }
  rules.emplace_back(Rule("", {"pods/eviction"}, {"create"}));
}

// What the server itself may do.
void AddServerRights(const AggregationSettings& settings, std::vector<json::Value>& objects) {
  const std::string& name = settings.service_account;
  objects.emplace_back(Head("v1", "ServiceAccount", name, settings.namespace_));
  objects.push_back(
      Bound("ClusterRoleBinding", name + "-auth-delegator", "", "ClusterRole", "system:auth-delegator", settings));
  objects.push_back(Bound("RoleBinding", name + "-authentication-reader", "kube-system", "Role",
                          "extension-apiserver-authentication-reader", settings));
  json::Object rights = Head(kRbacVersion, "ClusterRole", name, "");
  json::Object own_api = Rule("apiregistration.k8s.io", {"apiservices"}, {"get", "patch"});
  own_api["resourceNames"] = json::Array{std::string(model::kVersion) + "." + std::string(model::kGroup)};
  json::Object definitions = Rule("apiextensions.k8s.io", {"customresourcedefinitions"}, {"get"});
  json::Array names;
  for (const model::KindInfo& kind : model::Kinds()) names.emplace_back(kind.plural + "." + std::string(model::kGroup));
  definitions["resourceNames"] = std::move(names);
  json::Array allowed{Rule("", {"namespaces"}, {"get"}), std::move(own_api), std::move(definitions)};
  if (settings.webhooks) AddWebhookRights(allowed);
  rights["rules"] = std::move(allowed);
  objects.emplace_back(std::move(rights));
  objects.push_back(Bound("ClusterRoleBinding", name, "", "ClusterRole", name, settings));
  json::Object installation = Head(kRbacVersion, "Role", name, settings.namespace_);
  json::Object known = Rule("", {"configmaps"}, {"get"});
  known["resourceNames"] = json::Array{kInstallationName};
  json::Array rules{std::move(known), Rule("", {"configmaps"}, {"create"})};
  if (settings.ca_pem.empty()) {
    json::Object own_secret = Rule("", {"secrets"}, {"get", "update"});
    own_secret["resourceNames"] = json::Array{kServingSecretName};
    rules.emplace_back(std::move(own_secret));
    rules.emplace_back(Rule("", {"secrets"}, {"create"}));
  }
  installation["rules"] = std::move(rules);
  objects.emplace_back(std::move(installation));
  objects.push_back(Bound("RoleBinding", name, settings.namespace_, "Role", name, settings));
}

// What the controllers make, read and take away in the namespaces of actors.
void AddControllerRights(const AggregationSettings& settings, std::vector<json::Value>& objects) {
  const json::Array owns{"create", "delete", "get", "list", "patch", "watch"};
  const std::string name = settings.service_account + "-controllers";
  json::Object rights = Head(kRbacVersion, "ClusterRole", name, "");
  rights["rules"] = json::Array{
      Rule("", {"configmaps", "serviceaccounts"}, owns), Rule("", {"pods"}, {"list", "watch"}),
      // Which of them have work stands in their annotations; what they run is not changed that way.
      Rule("", {"pods/status"}, {"patch"}), Rule("", {"events"}, {"create", "get", "patch"}),
      Rule("apps", {"deployments"}, owns), Rule("apps", {"deployments/scale"}, {"patch"}),
      Rule("autoscaling", {"horizontalpodautoscalers"}, {"get"}), Rule("policy", {"poddisruptionbudgets"}, owns),
      Rule("keda.sh", {"scaledobjects", "triggerauthentications"}, owns),
      // For blockOwnerDeletion in the references of children to their actor.
      Rule(std::string(model::kGroup), {"asyncactors/finalizers"}, {"update"})};
  objects.emplace_back(std::move(rights));
  objects.push_back(Bound("ClusterRoleBinding", name, "", "ClusterRole", name, settings));
  json::Object lease = Head(kRbacVersion, "Role", name, settings.namespace_);
  json::Object own_lease = Rule("coordination.k8s.io", {"leases"}, {"get", "update"});
  own_lease["resourceNames"] = json::Array{kControllersLease};
  // What is not there yet has no name to be let in by.
  lease["rules"] = json::Array{std::move(own_lease), Rule("coordination.k8s.io", {"leases"}, {"create"})};
  objects.emplace_back(std::move(lease));
  objects.push_back(Bound("RoleBinding", name, settings.namespace_, "Role", name, settings));
}

// Secrets are given one by one, by name: those that Transports name to be read, and the copies for pods to be kept.
void AddSecretRights(const AggregationSettings& settings, std::vector<json::Value>& objects) {
  const std::string name = settings.service_account + "-credentials";
  json::Array copies;
  std::map<std::string, json::Array> sources;  // by namespace
  for (const auto& [transport, secrets] : settings.credentials) {
    copies.emplace_back(ports::PodCredentialsName(transport));
    for (const std::string& secret : secrets) {
      const std::size_t slash = secret.find('/');
      const std::string place = slash == std::string::npos ? settings.namespace_ : secret.substr(0, slash);
      sources[place].emplace_back(slash == std::string::npos ? secret : secret.substr(slash + 1));
    }
  }
  json::Object rights = Head(kRbacVersion, "ClusterRole", name, "");
  json::Object rule = Rule("", {"secrets"}, {"create", "delete", "get", "patch"});
  rule["resourceNames"] = std::move(copies);
  rights["rules"] = json::Array{std::move(rule)};
  objects.emplace_back(std::move(rights));
  objects.push_back(Bound("ClusterRoleBinding", name, "", "ClusterRole", name, settings));
  for (auto& [place, names] : sources) {
    json::Object role = Head(kRbacVersion, "Role", name, place);
    json::Object read = Rule("", {"secrets"}, {"get"});
    read["resourceNames"] = std::move(names);
    role["rules"] = json::Array{std::move(read)};
    objects.emplace_back(std::move(role));
    objects.push_back(Bound("RoleBinding", name, place, "Role", name, settings));
  }
}

Status AddCredentials(const std::string& text, AggregationSettings& settings) {
  const std::size_t equals = text.find('=');
  const std::string transport = text.substr(0, equals);
  const std::string secret = equals == std::string::npos ? "" : text.substr(equals + 1);
  const std::size_t slash = secret.find('/');
  const bool place_fits = slash == std::string::npos || model::IsDnsLabel(secret.substr(0, slash));
  const std::string name = slash == std::string::npos ? secret : secret.substr(slash + 1);
  if (!model::IsDnsSubdomain(transport) || !place_fits || !model::IsDnsSubdomain(name)) {
    return Invalid("--credentials",
                   "got \"" + text + "\"; TRANSPORT=SECRET or TRANSPORT=NAMESPACE/SECRET is accepted, once for each");
  }
  settings.credentials[transport].insert(secret);
  return Ok();
}

json::Array Ports(const AggregationSettings& settings) {
  json::Array ports{json::Object{{"name", "https"}, {"port", settings.port}, {"targetPort", kServerPort}}};
  // By which KEDA asks, where --scaler-listen has this port.
  if (settings.controllers) ports.emplace_back(json::Object{{"name", "scaler"}, {"port", kScalerPort}});
  // To which relays report, where --reports-listen has this port.
  if (settings.controllers) ports.emplace_back(json::Object{{"name", "reports"}, {"port", kReportsPort}});
  // By which kube-apiserver asks about pods, where --webhooks-listen has this port.
  if (settings.webhooks && settings.webhooks_port != 0) {
    ports.emplace_back(json::Object{{"name", "webhooks"}, {"port", settings.webhooks_port}});
  }
  return ports;
}

void AddService(const AggregationSettings& settings, std::vector<json::Value>& objects) {
  json::Object service = Head("v1", "Service", settings.service, settings.namespace_);
  if (settings.external_name.empty()) {
    service["spec"] =
        json::Object{{"selector", json::Object{{"app.kubernetes.io/name", "asya-server"}}}, {"ports", Ports(settings)}};
  } else {
    service["spec"] = json::Object{{"type", "ExternalName"}, {"externalName", settings.external_name}};
  }
  objects.emplace_back(std::move(service));
  const std::string version(model::kVersion);
  const std::string group(model::kGroup);
  json::Object api = Head("apiregistration.k8s.io/v1", "APIService", version + "." + group, "");
  api["spec"] = json::Object{
      {"group", group},
      {"version", version},
      {"groupPriorityMinimum", kGroupPriority},
      {"versionPriority", kVersionPriority},
      {"service",
       json::Object{{"name", settings.service}, {"namespace", settings.namespace_}, {"port", settings.port}}}};
  if (!settings.ca_pem.empty()) api["spec"]["caBundle"] = EncodeBase64(settings.ca_pem);
  objects.emplace_back(std::move(api));
}

Status SetLabel(const char* flag, const std::string& value, std::string& place) {
  if (!model::IsDnsLabel(value)) return Invalid(flag, "got \"" + value + "\"; the name of an object is accepted");
  place = value;
  return Ok();
}

}  // namespace

std::vector<Error> ParseAggregationFlags(const std::vector<std::string>& arguments, AggregationSettings& settings) {
  const auto label = [](const char* flag, std::string& place) -> FlagSetter {
    return [flag, &place](const std::string& value) { return SetLabel(flag, value, place); };
  };
  std::vector<Error> errors = ParseFlags(
      arguments,
      {{"--namespace", label("--namespace", settings.namespace_)},
       {"--service", label("--service", settings.service)},
       {"--service-account", label("--service-account", settings.service_account)},
       {"--controllers", AllOrNoneFlag("--controllers", settings.controllers)},
       {"--webhooks", AllOrNoneFlag("--webhooks", settings.webhooks)},
       {"--credentials", [&settings](const std::string& value) -> Status { return AddCredentials(value, settings); }},
       {"--external-name",
        [&settings](const std::string& value) -> Status {
          if (!model::IsDnsSubdomain(value)) {
            return Invalid("--external-name", "got \"" + value + "\"; the name of a host is accepted");
          }
          settings.external_name = value;
          return Ok();
        }},
       {"--port",
        [&settings](const std::string& value) -> Status {
          ASYA_TRY(settings.port, ParsePort("--port", value));
          return Ok();
        }},
       {"--webhooks-port",
        [&settings](const std::string& value) -> Status {
          ASYA_TRY(settings.webhooks_port, ParsePort("--webhooks-port", value));
          return Ok();
        }},
       {"--ca-file", [&settings](const std::string& path) -> Status {
          auto text = ReadSmallFile(path);
          if (!text.ok()) return Invalid("--ca-file", text.error().message);
          if (text->find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
            return Invalid("--ca-file", "\"" + path + "\" holds no certificate in PEM");
          }
          settings.ca_pem = std::move(text).value();
          return Ok();
        }}});
  return errors;
}

std::string RenderAggregation(const AggregationSettings& settings) {
  std::vector<json::Value> objects;
  AddServerRights(settings, objects);
  if (settings.controllers) AddControllerRights(settings, objects);
  if (settings.controllers && !settings.credentials.empty()) AddSecretRights(settings, objects);
  AddUserRoles(objects);
  AddService(settings, objects);
  if (settings.webhooks) {
    const int port = settings.webhooks_port == 0 ? settings.port : settings.webhooks_port;
    for (json::Value& one :
         webhooks::RenderConfigurations({settings.namespace_, settings.service, port, settings.ca_pem})) {
      objects.push_back(std::move(one));
    }
  }
  return "# What a cluster needs to take asya-server as its API of asya.sh. The namespace and the server come "
         "first.\n" +
         yaml::DumpAll(objects);
}

}  // namespace asya::server
