#include "gateway/first_message.h"

#include "model/claim.h"
#include "ports/claim_marks.h"
#include "ports/claim_payload.h"

namespace asya::gateway {
namespace {

constexpr std::chrono::milliseconds kStoreTimeout{20'000};  // of one call; a client waits for it

}  // namespace

Result<std::string> FirstMessageBody(model::Envelope& envelope, const std::string& queue, const Deps& deps) {
  const std::size_t limit = deps.first_message_bytes ? deps.first_message_bytes(queue) : 0;
  std::string body;
  if (limit == 0 || envelope.payload.size() <= limit) {
    body = SerializeEnvelope(envelope);
    if (limit == 0 || body.size() <= limit) return body;
  }
  const std::size_t bytes = envelope.payload.size();
  if (deps.claims != nullptr && bytes >= ports::kLeastClaimBytes) {
    const auto claimed = ports::ClaimPayload(*deps.claims, envelope, kStoreTimeout);
    if (!claimed.ok()) {
      return Error{claimed.error().code, "the claim store did not take the payload: " + claimed.error().message, ""};
    }
    body = SerializeEnvelope(envelope);
    if (body.size() <= limit) return body;
    ForgetPayload(envelope, deps);
  }
  return Error{ErrorCode::kTooLarge,
               "a message with this payload of " + std::to_string(bytes) + " bytes is larger than the " +
                   std::to_string(limit) + " bytes that the first message for " + queue + " may have",
               "payload"};
}

void ForgetPayload(const model::Envelope& envelope, const Deps& deps) {
  if (deps.claims == nullptr || !model::HoldsClaims(envelope)) return;
  const auto folder = deps.claims->Look(ports::ClaimFolderName(model::RootOf(envelope)), kStoreTimeout);
  const auto removed = folder.ok() ? ports::RemoveClaims(*deps.claims, *folder, kStoreTimeout) : folder.error();
  if (!removed.ok()) {
    deps.logger.Warning("the payload of a task that was not stored stays until it expires",
                        {{"id", envelope.id}, {"reason", removed.error().message}});
  }
}

Result<std::string> PayloadOfLetter(const model::Envelope& envelope, const Deps& deps) {
  const auto claim = model::ClaimOf(envelope);
  if (!claim) return envelope.payload;
  const std::string again = "; replay it with a payload";
  if (deps.claims == nullptr) {
    return Error{ErrorCode::kNotFound, "its payload is in a claim store, and this server has none" + again, "payload"};
  }
  auto payload = ports::ReadClaim(*deps.claims, {claim->root, claim->sha256}, claim->bytes, kStoreTimeout);
  if (payload.ok()) return payload;
  if (payload.error().code == ErrorCode::kNotFound || payload.error().code == ErrorCode::kInvalid) {
    return Error{ErrorCode::kNotFound, "its payload is lost: " + payload.error().message + again, "payload"};
  }
  return payload.error();
}

}  // namespace asya::gateway
