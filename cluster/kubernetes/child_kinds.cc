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

}  // namespace asya::cluster::kubernetes
