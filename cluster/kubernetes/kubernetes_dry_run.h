// KubernetesDryRun: what applying to a Kubernetes API would do, by its own dry run: admission, defaults and the fields
// of other managers are in what it answers.
#pragma once

#include <string>
#include <vector>

#include "cluster/kubernetes/client.h"
#include "ports/planning.h"

namespace asya::cluster::kubernetes {

// Thread safe. Asks the cluster at every call and keeps nothing.
class KubernetesDryRun final : public ports::DryRun {
 public:
  // `client` lives longer. `owner_references` as in KubernetesSettings.
  KubernetesDryRun(Client& client, bool owner_references) : client_(client), owner_references_(owner_references) {}

  Result<std::vector<ports::Observed>> Children(const std::string& namespace_, const std::string& owner_uid) override;
  Result<ports::TriedApply> Try(const json::Value& object, const std::string& field_manager) override;

 private:
  Client& client_;
  const bool owner_references_;
};

}  // namespace asya::cluster::kubernetes
