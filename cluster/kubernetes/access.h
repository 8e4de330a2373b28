// KubernetesAccess: users and namespaces as a cluster knows them, asked of its API by TokenReview, SubjectAccessReview
// and reads of namespaces.
#pragma once

#include <string>
#include <utility>

#include "cluster/kubernetes/client.h"
#include "ports/cluster_access.h"

namespace asya::cluster::kubernetes {

class KubernetesAccess final : public ports::ClusterAccess {
 public:
  // `client` lives longer. Its user needs the rights of the ClusterRole system:auth-delegator, and to get namespaces.
  // `audience`: of which tokens have to be; empty: of the cluster's API.
  explicit KubernetesAccess(Client& client, std::string audience = "")
      : client_(client), audience_(std::move(audience)) {}

  Result<std::optional<ports::Subject>> ReviewToken(const std::string& token) override;
  Result<ports::AccessAnswer> ReviewAccess(const ports::AccessQuestion& question) override;
  Result<ports::NamespaceState> StateOf(const std::string& namespace_) override;

 private:
  Client& client_;
  const std::string audience_;
};

}  // namespace asya::cluster::kubernetes
