// ClaimPayload: puts the payload of an envelope into a claim store, and a reference in its place.
#pragma once

#include <chrono>

#include "core/base/result.h"
#include "model/envelope.h"
#include "ports/claim_store.h"

namespace asya::ports {

// What else an envelope holds is never made smaller by it: payloads below this are left where they are.
inline constexpr std::size_t kLeastClaimBytes = 1024;

// False: the payload was in the store already. kTooLarge above model::kClaimLimitBytes, else the errors of Put; then
// the envelope is as it was.
Result<bool> ClaimPayload(ClaimStore& store, model::Envelope& envelope, std::chrono::milliseconds timeout);

}  // namespace asya::ports
