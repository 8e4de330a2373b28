#include "ports/claim_store.h"

#include <algorithm>

#include "core/base/sha256.h"

namespace asya::ports {
namespace {

constexpr std::string_view kHashed = "sha256-";
constexpr std::size_t kNameLimitBytes = 128;

bool IsPlain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

}  // namespace

std::string ClaimFolderName(std::string_view id) {
  const bool is_plain = !id.empty() && id.size() <= kNameLimitBytes && id.rfind(kHashed, 0) != 0 &&
                        std::all_of(id.begin(), id.end(), IsPlain);
  return is_plain ? std::string(id) : std::string(kHashed) + Sha256Hex(id);
}

Result<std::string> ReadClaim(ClaimStore& store, const ClaimKey& key, std::size_t bytes,
                              std::chrono::milliseconds timeout) {
  auto payload = store.Get(key, bytes, timeout);
  if (!payload.ok() && payload.error().code != ErrorCode::kTooLarge) return payload;
  if (!payload.ok() || payload->size() != bytes) {
    return Invalid("", "the stored payload " + key.sha256 + " has not the " + std::to_string(bytes) + " bytes it had");
  }
  if (Sha256Hex(*payload) != key.sha256) {
    return Invalid("", "the stored payload " + key.sha256 + " is not what was written: its hash differs");
  }
  return payload;
}

}  // namespace asya::ports
