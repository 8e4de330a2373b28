// Kubeconfig: the file by which kubectl finds a cluster, and what a pod is given in its place.
#pragma once

#include <string>

#include "cluster/kubernetes/endpoint.h"
#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::cluster::kubernetes {

// The current context of a kubeconfig. Paths in it are relative to `folder`, where it lies; what they name is read now,
// but for the file of a token. kInvalid, with the field, for what is missing, contradicts itself or is not done here:
// programs that fetch credentials, passwords, proxies, and certificates that are not verified.
Result<Endpoint> ReadKubeconfig(const json::Value& document, const std::string& folder);

inline constexpr const char* kServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

// The cluster of the pod that this runs in: KUBERNETES_SERVICE_HOST and _PORT, and the folder of its ServiceAccount.
// kInvalid where it runs in none.
Result<Endpoint> ReadServiceAccount(const std::string& host, const std::string& port,
                                    const std::string& folder = kServiceAccountFolder);

}  // namespace asya::cluster::kubernetes
