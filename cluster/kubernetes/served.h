// Served: whether a cluster serves a kind at all.
#pragma once

#include "cluster/kubernetes/child_kinds.h"
#include "cluster/kubernetes/client.h"
#include "core/base/result.h"

namespace asya::cluster::kubernetes {

// By the list of its API groups: a path of a group that there is not is answered by 404 without a Status, as many a
// broken proxy would do it. For kinds of a group with a name.
Result<bool> IsServed(Client& client, const Kind& kind);

}  // namespace asya::cluster::kubernetes
