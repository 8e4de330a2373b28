#include "cluster/kubernetes/child_kinds.h"

namespace asya::cluster::kubernetes {
namespace {

std::string VersionPath(const Kind& kind) {
  return (kind.api_version.find('/') == std::string::npos ? "/api/" : "/apis/") + kind.api_version;
}

}  // namespace

const std::vector<Kind>& ChildKinds() {
  static const std::vector<Kind> kinds = {{"v1", "ServiceAccount", "serviceaccounts"},
                                          {"v1", "ConfigMap", "configmaps"},
                                          {"apps/v1", "Deployment", "deployments"},
                                          {"policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"},
                                          {"keda.sh/v1alpha1", "TriggerAuthentication", "triggerauthentications", true},
                                          {"keda.sh/v1alpha1", "ScaledObject", "scaledobjects", true}};
  return kinds;
}

const Kind& PodKind() {
  static const Kind kind{"v1", "Pod", "pods"};
  return kind;
}

const Kind* FindChildKind(const ports::ResourceRef& ref) {
  for (const Kind& kind : ChildKinds()) {
    if (kind.name == ref.kind && kind.api_version == ref.api_version) return &kind;
  }
  return nullptr;
}

std::string CollectionPath(const Kind& kind) { return VersionPath(kind) + "/" + kind.resource; }

std::string ObjectPath(const Kind& kind, const ports::ResourceRef& ref) {
  return VersionPath(kind) + "/namespaces/" + ref.namespace_ + "/" + kind.resource + "/" + ref.name;
}

Result<ports::ResourceRef> RefOf(const json::Value& object) {
  ports::ResourceRef ref{object.GetString("apiVersion").value_or(""), object.GetString("kind").value_or(""),
                         MetadataOf(object, "namespace"), MetadataOf(object, "name")};
  if (ref.api_version.empty()) return Invalid("apiVersion", "Required value");
  if (ref.kind.empty()) return Invalid("kind", "Required value");
  if (ref.namespace_.empty()) return Invalid("metadata.namespace", "Required value");
  if (ref.name.empty()) return Invalid("metadata.name", "Required value");
  return ref;
}

std::string LabelOf(const json::Value& object, std::string_view name) {
  const json::Value* label = object.FindPath({"metadata", "labels", name});
  return label != nullptr && label->IsString() ? label->AsString() : std::string();
}

std::string MetadataOf(const json::Value& object, std::string_view field) {
  const json::Value* value = object.FindPath({"metadata", field});
  return value != nullptr && value->IsString() ? value->AsString() : std::string();
}

}  // namespace asya::cluster::kubernetes
