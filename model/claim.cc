#include "model/claim.h"

#include <string.h>

#include <algorithm>
#include <utility>

namespace asya::model {
namespace {

constexpr std::string_view kQuotedHeader = "\"x-asya-claim\"";
constexpr std::size_t kDigestDigits = 64;

bool IsDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

std::optional<Claim> ClaimOf(const Envelope& envelope) {
  const auto found = envelope.headers.find(kClaimHeader);
  if (found == envelope.headers.end() || !found->second.IsObject()) return std::nullopt;
  const auto sha256 = found->second.GetString("sha256");
  const auto bytes = found->second.GetInt("bytes");
  if (!sha256 || sha256->size() != kDigestDigits || !std::all_of(sha256->begin(), sha256->end(), IsDigit)) {
    return std::nullopt;
  }
  if (!bytes || *bytes < 0 || *bytes > static_cast<std::int64_t>(kClaimLimitBytes)) return std::nullopt;
  return Claim{*sha256, static_cast<std::size_t>(*bytes)};
}

bool MayHaveClaim(std::string_view body) {
  return ::memmem(body.data(), body.size(), kQuotedHeader.data(), kQuotedHeader.size()) != nullptr;
}

void SetClaim(Envelope& envelope, const Claim& claim) {
  envelope.headers[kClaimHeader] =
      json::Object{{"sha256", claim.sha256}, {"bytes", static_cast<std::int64_t>(claim.bytes)}};
  envelope.payload = "null";
}

void RestorePayload(Envelope& envelope, std::string payload) {
  envelope.headers.erase(kClaimHeader);
  envelope.payload = std::move(payload);
}

}  // namespace asya::model
