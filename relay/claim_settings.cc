#include "relay/claim_settings.h"

namespace asya::relay {

ClaimSettings ReadClaimSettings(const Lookup& lookup, std::vector<std::string>& problems) {
  ClaimSettings settings;
  settings.store = claims::ReadStoreSettings(lookup, problems);
  settings.limits.threshold_bytes = settings.store.threshold_bytes;
  return settings;
}

}  // namespace asya::relay
