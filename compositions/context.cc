#include "compositions/context.h"

#include <algorithm>
#include <array>

#include "compositions/crew.h"
#include "model/envelope.h"
#include "ports/resource.h"

namespace asya::compositions {
namespace {

constexpr std::size_t kLabelLimitBytes = 63;

// Labels by which other tools track what they own; on our children they would adopt or prune them.
bool IsTracking(std::string_view key) {
  static constexpr std::array<std::string_view, 6> kPrefixes = {
      "argocd.argoproj.io/",    "meta.helm.sh/",           "helm.sh/",
      "kubectl.kubernetes.io/", "helm.toolkit.fluxcd.io/", "kustomize.toolkit.fluxcd.io/"};
  if (key == "app.kubernetes.io/instance") return true;
  for (const std::string_view prefix : kPrefixes) {
    if (key.substr(0, prefix.size()) == prefix) return true;
  }
  return key.find(".toolkit.fluxcd.io/") != std::string_view::npos;
}

// Ours are written anew on each child.
bool IsOurs(std::string_view key) {
  return key == "app.kubernetes.io/name" || key == "app.kubernetes.io/component" ||
         key == "app.kubernetes.io/part-of" || key == "app.kubernetes.io/managed-by" || key == "asya.sh/actor" ||
         key == "asya.sh/transport" || key == ports::kOwnerLabel || key == "asya.sh/inject";
}

}  // namespace

bool Context::scales() const {
  const json::Value* enabled = spec.FindPath({"scaling", "enabled"});
  return enabled == nullptr || !enabled->IsBool() || enabled->AsBool();
}

bool Context::paused() const { return spec.GetBool("paused").value_or(false); }

bool Context::ends_in_relay() const {
  const auto handler = spec.GetString("handler");
  const bool crew = (identity == model::kSinkActor && handler == kSinkHandler) ||
                    (identity == model::kSumpActor && handler == kSumpHandler);
  if (!crew || has_endpoint()) return false;
  // Dead letters that nobody keeps are in the log of the crew's Python at least.
  if (identity == model::kSumpActor && settings.gateway_url.empty()) return false;
  // What may set the folder, or nobody here can see.
  for (const char* field : {"envFrom", "secretRefs", "stateProxy", "volumeMounts"}) {
    if (spec.Find(field) != nullptr) return false;
  }
  const json::Value* environment = spec.Find("env");
  if (environment == nullptr) return true;
  const json::Array& entries = environment->AsArray();
  return std::none_of(entries.begin(), entries.end(),
                      [](const json::Value& entry) { return entry.GetString("name") == kPersistenceVariable; });
}

std::string Context::Annotation(std::string_view key) const {
  const json::Value* annotations = actor.FindPath({"metadata", "annotations"});
  return annotations == nullptr ? std::string() : annotations->GetString(key).value_or("");
}

json::Value Labels(const Context& context, std::string_view component) {
  json::Object labels;
  const json::Value* own = context.actor.FindPath({"metadata", "labels"});
  if (own != nullptr && own->IsObject()) {
    for (const auto& [key, value] : own->AsObject()) {
      if (!IsTracking(key) && !IsOurs(key)) labels[key] = value;
    }
  }
  labels["app.kubernetes.io/name"] = context.name;
  labels["app.kubernetes.io/component"] = component;
  labels["app.kubernetes.io/part-of"] = "asya";
  labels["app.kubernetes.io/managed-by"] = "asya";
  labels["asya.sh/actor"] = context.identity;
  if (context.transport.size() <= kLabelLimitBytes) labels["asya.sh/transport"] = context.transport;
  return labels;
}

json::Value SelectorLabels(const Context& context) {
  return json::Object{{"app.kubernetes.io/name", context.name}, {"asya.sh/actor", context.identity}};
}

json::Value Child(const Context& context, const char* api_version, const char* kind, const std::string& name,
                  std::string_view component) {
  json::Value labels = Labels(context, component);
  if (!context.uid.empty()) labels[ports::kOwnerLabel] = context.uid;
  json::Object metadata = {{"name", name}, {"namespace", context.namespace_}, {"labels", std::move(labels)}};
  return json::Object{{"apiVersion", api_version}, {"kind", kind}, {"metadata", std::move(metadata)}};
}

json::Value EnvironmentValue(std::string name, std::string value) {
  return json::Object{{"name", std::move(name)}, {"value", std::move(value)}};
}

void SetEnvironment(json::Array& environment, json::Value entry) {
  for (json::Value& present : environment) {
    if (present.GetString("name") == entry.GetString("name")) {
      present = std::move(entry);
      return;
    }
  }
  environment.push_back(std::move(entry));
}

json::Value Overlaid(json::Value defaults, const json::Value* extra) {
  if (extra == nullptr || !extra->IsObject()) return defaults;
  for (const auto& [key, value] : extra->AsObject()) defaults[key] = value;
  return defaults;
}

}  // namespace asya::compositions
