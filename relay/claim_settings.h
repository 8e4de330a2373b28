// ClaimSettings: where a relay keeps the payloads that are too large for its queue, as the environment says.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "relay/claimed_queue.h"
#include "relay/environment.h"

namespace asya::relay {

struct ClaimSettings {
  std::string folder;  // ASYA_CLAIM_STORE, without file://; empty: there is no store, and such envelopes fail
  ClaimLimits limits;  // threshold_bytes is ASYA_CLAIM_THRESHOLD_BYTES
};

// Mistakes as with ReadEnvironment().
ClaimSettings ReadClaimSettings(const Lookup& lookup, std::vector<std::string>& problems);

}  // namespace asya::relay
