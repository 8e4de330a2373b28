#include "claims/directory/store.h"
#include "relay/claim_stores.h"

namespace asya::relay {

bool ServesS3Claims() { return false; }

Result<std::unique_ptr<ports::ClaimStore>> OpenClaimStore(const claims::StoreSettings& settings, observe::Metrics&,
                                                          const std::string&) {
  if (settings.is_s3()) return Invalid("ASYA_CLAIM_STORE", "this is a relay without S3; start asya-relay");
  return std::unique_ptr<ports::ClaimStore>(std::make_unique<claims::directory::Store>(settings.folder));
}

}  // namespace asya::relay
