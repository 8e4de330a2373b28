// Reach: which addresses the relay may connect to for a model server: names and numbers in a manifest must not lead to
// the metadata service of a cloud, nor to what only this machine is meant to reach.
#pragma once

#include <string>

#include "core/base/result.h"

namespace asya::relay {

struct Reach {
  bool loopback = false;    // on a developer's own machine
  bool link_local = false;  // with it the metadata addresses of clouds
};

// `ip` as text. kForbidden says why it is refused. Looks into IPv6 addresses that stand for an IPv4 one.
Status CheckReach(const std::string& ip, const Reach& reach);

}  // namespace asya::relay
