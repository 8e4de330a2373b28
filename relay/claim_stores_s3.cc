#include "claims/directory/store.h"
#include "claims/s3/open.h"
#include "relay/claim_stores.h"

namespace asya::relay {

bool ServesS3Claims() { return true; }

Result<std::unique_ptr<ports::ClaimStore>> OpenClaimStore(const claims::StoreSettings& settings,
                                                          observe::Metrics& metrics, const std::string& metric_prefix) {
  if (settings.is_s3()) return claims::s3::OpenStore(settings.s3, metrics, metric_prefix);
  return std::unique_ptr<ports::ClaimStore>(std::make_unique<claims::directory::Store>(settings.folder));
}

}  // namespace asya::relay
