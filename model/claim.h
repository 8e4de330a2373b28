// Claim: the header by which an envelope names its payload in the claim store instead of carrying it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "model/envelope.h"

namespace asya::model {

// {"root": id, "of": id, "sha256": "64 hexadecimal digits", "bytes": n}. The last two are there while the payload lies
// in the store; the first two stay until the envelope ends, since what it has put there is kept for it.
inline constexpr const char* kClaimHeader = "x-asya-claim";
// Of the children of a fan-out and of theirs: the id of the envelope that all of them came from.
inline constexpr const char* kRootHeader = "x-asya-root";
// A reference to more than this is none.
inline constexpr std::size_t kClaimLimitBytes = 64U << 20U;

struct Claim {
  std::string root;  // under whose id it lies
  std::string sha256;
  std::size_t bytes = 0;
};

// The reference that an envelope carries; nullopt if it has none, or one that is not of this form.
std::optional<Claim> ClaimOf(const Envelope& envelope);
// Under whose id it keeps payloads: its own, or as its root header says.
std::string RootOf(const Envelope& envelope);
// Whether it has put a payload under RootOf() before.
bool HoldsClaims(const Envelope& envelope);
// Quick, and never false for the bytes of an envelope with a claim header as SetClaim and SerializeEnvelope write it.
bool MayHaveClaim(std::string_view body);
// Puts a reference under RootOf() in the place of the payload, which becomes null.
void SetClaim(Envelope& envelope, const std::string& sha256, std::size_t bytes);
// Puts the payload back in the place of the reference.
void RestorePayload(Envelope& envelope, std::string payload);
// Gives `headers` what `from` says of root and claims, and nothing else of that kind: no handler writes them.
void KeepClaimHeaders(const json::Object& from, json::Object& headers);

}  // namespace asya::model
