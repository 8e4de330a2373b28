// Claim: the header by which an envelope names its payload in the claim store instead of carrying it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "model/envelope.h"

namespace asya::model {

inline constexpr const char* kClaimHeader = "x-asya-claim";  // {"sha256": "64 hexadecimal digits", "bytes": n}
// A reference to more than this is none.
inline constexpr std::size_t kClaimLimitBytes = 64U << 20U;

struct Claim {
  std::string sha256;
  std::size_t bytes = 0;
};

// The reference that an envelope carries; nullopt if it has none, or one that is not of this form.
std::optional<Claim> ClaimOf(const Envelope& envelope);
// Quick, and never false for the bytes of an envelope with a reference as SetClaim and SerializeEnvelope write it.
bool MayHaveClaim(std::string_view body);
// Puts a reference in the place of the payload, which becomes null.
void SetClaim(Envelope& envelope, const Claim& claim);
// Puts the payload back in the place of the reference.
void RestorePayload(Envelope& envelope, std::string payload);

}  // namespace asya::model
