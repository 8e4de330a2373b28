// KubernetesAccess: users and namespaces as a cluster knows them, asked of its API by TokenReview, SubjectAccessReview
// and reads of namespaces.
#pragma once

#include "cluster/kubernetes/client.h"
#include "ports/cluster_access.h"

namespace asya::cluster::kubernetes {

class KubernetesAccess final : public ports::ClusterAccess {
 public:
  // `client` lives longer. Its user needs the rights of the ClusterRole system:auth-delegator, and to get namespaces.
  explicit KubernetesAccess(Client& client) : client_(client) {}

  Result<std::optional<ports::Subject>> ReviewToken(const std::string& token) override;
  Result<ports::AccessAnswer> ReviewAccess(const ports::AccessQuestion& question) override;
  Result<ports::NamespaceState> StateOf(const std::string& namespace_) override;

 private:
  Client& client_;
};

}  // namespace asya::cluster::kubernetes
