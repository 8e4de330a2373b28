#include "ports/claim_payload.h"

#include "core/base/sha256.h"
#include "model/claim.h"

namespace asya::ports {

Result<bool> ClaimPayload(ClaimStore& store, model::Envelope& envelope, std::chrono::milliseconds timeout) {
  const std::size_t bytes = envelope.payload.size();
  if (bytes > model::kClaimLimitBytes) {
    return Fail(ErrorCode::kTooLarge, "a payload has " + std::to_string(bytes) + " bytes; the limit is " +
                                          std::to_string(model::kClaimLimitBytes));
  }
  const model::Claim claim{Sha256Hex(envelope.payload), bytes};
  ASYA_TRY(const bool written, store.Put({envelope.id, claim.sha256}, envelope.payload, timeout));
  SetClaim(envelope, claim);
  return written;
}

}  // namespace asya::ports
