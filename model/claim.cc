#include "model/claim.h"

#include <string.h>

#include <algorithm>
#include <utility>

namespace asya::model {
namespace {

constexpr std::string_view kQuotedHeader = "\"x-asya-claim\"";
constexpr std::size_t kDigestDigits = 64;

bool IsDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool IsClaimHeader(std::string_view name) { return name == kClaimHeader || name == kRootHeader; }

bool IsId(const std::optional<std::string>& text) { return text && !text->empty() && text->size() <= kIdLimitBytes; }

}  // namespace

std::optional<Claim> ClaimOf(const Envelope& envelope) {
  const auto found = envelope.headers.find(kClaimHeader);
  if (found == envelope.headers.end() || !found->second.IsObject()) return std::nullopt;
  const auto root = found->second.GetString("root");
  const auto sha256 = found->second.GetString("sha256");
  const auto bytes = found->second.GetInt("bytes");
  if (!sha256 || sha256->size() != kDigestDigits || !std::all_of(sha256->begin(), sha256->end(), IsDigit)) {
    return std::nullopt;
  }
  if (!IsId(root) || !bytes || *bytes < 0 || *bytes > static_cast<std::int64_t>(kClaimLimitBytes)) return std::nullopt;
  return Claim{*root, *sha256, static_cast<std::size_t>(*bytes)};
}

std::string RootOf(const Envelope& envelope) {
  const auto found = envelope.headers.find(kRootHeader);
  const bool has_text = found != envelope.headers.end() && found->second.IsString();
  const auto root = has_text ? std::optional(found->second.AsString()) : std::nullopt;
  return IsId(root) ? *root : envelope.id;
}

bool HoldsClaims(const Envelope& envelope) {
  const auto found = envelope.headers.find(kClaimHeader);
  if (found == envelope.headers.end() || !found->second.IsObject()) return false;
  return found->second.GetString("of") == envelope.id && found->second.GetString("root") == RootOf(envelope);
}

bool MayHaveClaim(std::string_view body) {
  return ::memmem(body.data(), body.size(), kQuotedHeader.data(), kQuotedHeader.size()) != nullptr;
}

void SetClaim(Envelope& envelope, const std::string& sha256, std::size_t bytes) {
  envelope.headers[kClaimHeader] = json::Object{
      {"root", RootOf(envelope)}, {"of", envelope.id}, {"sha256", sha256}, {"bytes", static_cast<std::int64_t>(bytes)}};
  envelope.payload = "null";
}

void RestorePayload(Envelope& envelope, std::string payload) {
  const auto found = envelope.headers.find(kClaimHeader);
  if (found != envelope.headers.end() && found->second.IsObject()) {
    found->second.AsObject().erase("sha256");
    found->second.AsObject().erase("bytes");
  }
  envelope.payload = std::move(payload);
}

void KeepClaimHeaders(const json::Object& from, json::Object& headers) {
  std::erase_if(headers, [](const auto& header) { return IsClaimHeader(header.first); });
  for (const auto& header : from) {
    if (IsClaimHeader(header.first)) headers.insert(header);
  }
}

}  // namespace asya::model
