// Definitions: whether a cluster has the kinds of asya.sh as CustomResourceDefinitions: a group version is served by
// those or by this server.
#pragma once

#include "cluster/kubernetes/client.h"
#include "core/base/result.h"

namespace asya::server {

// kConflict where it has one of them, with what to do about it; another error where the cluster does not tell.
Status RefuseDefinitions(cluster::kubernetes::Client& client);

}  // namespace asya::server
