// ClaimSettings: where a relay keeps the payloads that are too large for its queue, as the environment says.
#pragma once

#include <string>
#include <vector>

#include "claims/settings.h"
#include "relay/claimed_queue.h"
#include "relay/environment.h"

namespace asya::relay {

struct ClaimSettings {
  claims::StoreSettings store;
  ClaimLimits limits;  // with the threshold of the store
};

// Mistakes as with ReadEnvironment().
ClaimSettings ReadClaimSettings(const Lookup& lookup, std::vector<std::string>& problems);

}  // namespace asya::relay
