#include "ports/claim_payload.h"

#include "core/base/sha256.h"
#include "model/claim.h"
#include "ports/claim_marks.h"

namespace asya::ports {
namespace {

Status Hold(ClaimStore& store, const model::Envelope& envelope, std::chrono::milliseconds timeout) {
  const std::string folder = ClaimFolderName(model::RootOf(envelope));
  // An id may come back: the result of a fan-in has that of a slice which ended before.
  ASYA_TRY_STATUS(store.Remove(folder, {ClaimMark(kEndedMark, envelope.id)}, timeout));
  ASYA_TRY_STATUS(store.SetMark(folder, ClaimMark(kHoldsMark, envelope.id), timeout));
  ASYA_TRY(const bool removing, store.HasMark(folder, kRemovingMark, timeout));
  if (removing) return Fail(ErrorCode::kUnavailable, "what was kept under " + folder + " is just being removed");
  return Ok();
}

}  // namespace

Result<bool> ClaimPayload(ClaimStore& store, model::Envelope& envelope, std::chrono::milliseconds timeout) {
  const std::size_t bytes = envelope.payload.size();
  if (bytes > model::kClaimLimitBytes) {
    return Fail(ErrorCode::kTooLarge, "a payload has " + std::to_string(bytes) + " bytes; the limit is " +
                                          std::to_string(model::kClaimLimitBytes));
  }
  if (!model::HoldsClaims(envelope)) ASYA_TRY_STATUS(Hold(store, envelope, timeout));
  const std::string sha256 = Sha256Hex(envelope.payload);
  ASYA_TRY(const bool written, store.Put({model::RootOf(envelope), sha256}, envelope.payload, timeout));
  SetClaim(envelope, sha256, bytes);
  return written;
}

}  // namespace asya::ports
