// What leaves through the claim store: large payloads of settlements, and marks of what has ended.
#include <algorithm>
#include <limits>
#include <utility>

#include "ports/claim_marks.h"
#include "ports/claim_payload.h"
#include "relay/claimed_queue.h"

namespace asya::relay {

bool ClaimedQueue::IsLarge(const std::string& body) const {
  const std::size_t limit = parts_.queue.MessageLimitBytes();
  std::size_t most = limit == 0 ? std::numeric_limits<std::size_t>::max() : ports::OrdinaryLimitBytes(limit);
  return body.size() > std::min(most, limits_.threshold_bytes);
}

bool ClaimedQueue::IsLarge(const ports::Settlement& settlement) const {
  return IsLarge(settlement.retry_body) ||
         std::any_of(settlement.publish.begin(), settlement.publish.end(),
                     [this](const ports::Outgoing& message) { return IsLarge(message.body); });
}

void ClaimedQueue::Settle(std::shared_ptr<const ports::Settlement> settlement) {
  const bool large = IsLarge(*settlement);
  const auto end = large ? std::nullopt : EndOf(*settlement);
  if (!large && !(end && parts_.makes_letters)) {
    if (end) {
      StartThreads();
      const std::lock_guard lock(mutex_);
      ending_[settlement->tag.get()] = *end;
    }
    parts_.queue.Settle(std::move(settlement));
    return;
  }
  StartThreads();
  const ports::DeliveryTag tag = settlement->tag;
  const auto work = [this, settlement, end] {
    end ? MarkLetterAndSettle(*end, settlement) : StoreAndSettle(*settlement);
  };
  if (writers_.Submit(work)) return;
  const std::lock_guard telling(telling_);
  events_->OnSettled(tag, Fail(ErrorCode::kUnavailable, "too many settlements wait for the claim store"));
}

// Only at x-sink and x-sump does nothing go on.
std::optional<ClaimedQueue::Holder> ClaimedQueue::EndOf(const ports::Settlement& settlement) {
  if (settlement.action != ports::Settlement::Action::kAck || !settlement.publish.empty()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = holders_.find(settlement.tag.get());
  return found == holders_.end() ? std::nullopt : std::optional(found->second);
}

// Before the message goes: the letter was reported and must not lose its payload, whatever happens next.
void ClaimedQueue::MarkLetterAndSettle(const Holder& holder,
                                       const std::shared_ptr<const ports::Settlement>& settlement) {
  const Status marked =
      parts_.store.SetMark(holder.folder, ports::ClaimMark(ports::kLetterMark, holder.id), limits_.call_timeout);
  if (marked.ok()) {
    parts_.queue.Settle(settlement);
    return;
  }
  mark_failures_.Add();
  const std::lock_guard telling(telling_);
  events_->OnSettled(settlement->tag,
                     Fail(ErrorCode::kUnavailable, "the claim store took no mark: " + marked.error().message));
}

// After the message has gone: it cannot come again and look for its payload.
void ClaimedQueue::MarkEnded(const Holder& holder) {
  std::chrono::milliseconds pause = limits_.first_pause;
  for (int attempt = 1;; ++attempt) {
    const Status marked =
        parts_.store.SetMark(holder.folder, ports::ClaimMark(ports::kEndedMark, holder.id), limits_.call_timeout);
    if (marked.ok()) return;
    mark_failures_.Add();
    if (attempt >= limits_.mark_attempts || !Pause(pause)) {
      parts_.logger.Warning("payloads of an ended envelope are kept until they expire",
                            {{"id", holder.id}, {"reason", marked.error().message}});
      return;
    }
    pause = std::min(pause * 2, limits_.longest_pause);
  }
}

void ClaimedQueue::StoreAndSettle(ports::Settlement settlement) {
  Status stored = IsLarge(settlement.retry_body) ? Claim(settlement.retry_body) : Ok();
  for (ports::Outgoing& message : settlement.publish) {
    if (stored.ok() && IsLarge(message.body)) stored = Claim(message.body);
  }
  if (stored.ok()) {
    parts_.queue.Settle(std::move(settlement));
    return;
  }
  const std::lock_guard telling(telling_);
  events_->OnSettled(settlement.tag, std::move(stored));
}

Status ClaimedQueue::Claim(std::string& body) {
  auto envelope = model::ParseEnvelope(body);
  if (!envelope.ok() || envelope->payload.size() < ports::kLeastClaimBytes) return Ok();
  const std::size_t bytes = envelope->payload.size();
  const auto put = ports::ClaimPayload(parts_.store, *envelope, limits_.call_timeout);
  if (!put.ok()) {
    if (put.error().code == ErrorCode::kTooLarge) return put.error();
    write_failures_.Add();
    return Fail(ErrorCode::kUnavailable, "the claim store did not take a payload: " + put.error().message);
  }
  if (*put) {
    written_.Add();
    written_bytes_.Add(static_cast<double>(bytes));
  } else {
    reused_.Add();
  }
  body = SerializeEnvelope(*envelope);
  return Ok();
}

}  // namespace asya::relay
