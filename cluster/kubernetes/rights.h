// Rights: whether this server may make what an actor is rendered into.
#pragma once

#include <string>
#include <vector>

#include "cluster/kubernetes/client.h"
#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::cluster::kubernetes {

// One call for all of them, which are in one namespace. kForbidden: the first of them that may not be made. Ok also
// where the cluster does not tell, or not all of it: then whoever tries is told.
Status CheckRights(Client& client, const std::vector<json::Value>& objects);

}  // namespace asya::cluster::kubernetes
