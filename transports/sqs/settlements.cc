// What becomes of each delivery: outputs first, then the delete, so that the message is never nowhere.
#include <algorithm>
#include <utility>

#include "transports/sqs/consumer.h"

namespace asya::transports::sqs {
namespace {

using End = ports::Settlement::Action;

Status LeaseLost() { return Fail(ErrorCode::kConflict, "the lease was lost"); }

}  // namespace

void Consumer::OnBegin(ports::DeliveryTag tag) {
  const auto found = leases_.find(tag);
  const bool lost = found == leases_.end() || found->second.settling || found->second.settled;
  events_->OnStarted(tag, lost ? LeaseLost() : Ok());
}

Status Consumer::CheckSizes(const ports::Settlement& settlement) const {
  const auto check = [this](const std::string& queue, const std::string& body) -> Status {
    const std::size_t counted = CountedBytes(body);
    if (counted <= MessageLimitBytes()) return Ok();
    return Fail(ErrorCode::kTooLarge, "a message for " + queue + " has " + std::to_string(counted) +
                                          " bytes; the limit is " + std::to_string(MessageLimitBytes()));
  };
  for (const auto& message : settlement.publish) ASYA_TRY_STATUS(check(message.queue, message.body));
  return settlement.action == End::kRetry ? check(settings_.queue, settlement.retry_body) : Ok();
}

void Consumer::OnSettle(const ports::Settlement& settlement) {
  const ports::DeliveryTag tag = settlement.tag;
  const auto found = leases_.find(tag);
  if (found == leases_.end() || found->second.settling || found->second.settled ||
      clock_.Steady() >= found->second.expires_at) {
    return events_->OnSettled(tag, LeaseLost());
  }
  if (Status size = CheckSizes(settlement); !size.ok()) return events_->OnSettled(tag, std::move(size));
  Lease& lease = found->second;
  if (settlement.action == End::kGiveBack) {
    lease.crashes = std::max(lease.crashes, settlement.crash_count);
    return GiveBack(tag, true);
  }
  std::vector<Addressed> messages;
  if (settlement.action == End::kRetry) {
    const auto delay = std::chrono::ceil<std::chrono::seconds>(settlement.retry_delay);
    Parcel parcel{settlement.retry_body, lease.message.message_id, std::min(delay, kDelayMax), {}, 0};
    if (settlement.retry_delay.count() > 0) parcel.due = clock_.Now() + settlement.retry_delay;
    messages.push_back({settings_.queue, std::move(parcel)});
  }
  for (const ports::Outgoing& message : settlement.publish) {
    messages.push_back({message.queue, {message.body, message.message_id, {}, {}, 0}});
  }
  Send(tag, std::move(messages), true);
}

// By a copy, because SQS counts a receipt of what is made visible again too.
void Consumer::GiveBack(ports::DeliveryTag tag, bool tell) {
  Lease& lease = leases_.at(tag);
  if (lease.body_kept || !lease.told) {
    const bool has_due = lease.message.due != WallTime{};
    Parcel copy{lease.message.body,
                lease.message.message_id,
                {},
                has_due ? lease.message.due : lease.message.sent_at,
                lease.crashes};
    return Send(tag, {{settings_.queue, std::move(copy)}}, tell);
  }
  PutBack(tag, tell);
}

void Consumer::PutBack(ports::DeliveryTag tag, bool tell) {
  Lease& lease = leases_.at(tag);
  Settling(lease, true);
  visibilities_->Add(VisibilityEntry(lease.message.receipt, std::chrono::seconds(0)), 0,
                     [this, tag, tell](const Status& status) {
                       const auto found = leases_.find(tag);
                       if (found == leases_.end()) return;
                       Forget(found);
                       if (tell) events_->OnSettled(tag, status);
                     });
}

void Consumer::Send(ports::DeliveryTag tag, std::vector<Addressed> messages, bool tell) {
  Settling(leases_.at(tag), true);
  outlets_.Send(std::move(messages), [this, tag, tell](const Status& sent) {
    const auto found = leases_.find(tag);
    if (found == leases_.end()) return;
    const bool lost = found->second.lost;
    if (sent.ok()) {
      Finish(tag);
    } else if (lost) {
      Forget(found);
    } else {
      Settling(found->second, false);
      if (!tell) return PutBack(tag, false);
    }
    if (tell) events_->OnSettled(tag, lost && !sent.ok() ? LeaseLost() : sent);
  });
}

void Consumer::Settling(Lease& lease, bool settling) {
  if (lease.told && !lease.settled && lease.settling != settling) working_ += settling ? std::size_t(-1) : 1;
  lease.settling = settling;
}

void Consumer::Finish(ports::DeliveryTag tag) {
  Lease& lease = leases_.at(tag);
  Settling(lease, true);
  lease.settled = true;
  memory_.Settled(lease.message.sqs_id);
  DropBody(lease);
  deletes_->Add(DeleteEntry(lease.message.receipt), 0, [this, tag](const Status& status) { Deleted(tag, status); });
}

// One that cannot be deleted comes again when its lease has ended, and is known then.
void Consumer::Deleted(ports::DeliveryTag tag, const Status& status) {
  const auto found = leases_.find(tag);
  if (found == leases_.end()) return;
  if (!status.ok()) WatchQueue(status.error());
  const bool again = !status.ok() && status.error().code != ErrorCode::kConflict &&
                     status.error().code != ErrorCode::kInvalid && !found->second.lost &&
                     clock_.Steady() < found->second.expires_at;
  if (!again || stopping_) return Forget(found);
  deletes_->Add(DeleteEntry(found->second.message.receipt), 0,
                [this, tag](const Status& outcome) { Deleted(tag, outcome); });
}

void Consumer::Forget(Leases::iterator lease) {
  Settling(lease->second, true);
  DropBody(lease->second);
  leases_.erase(lease);
}

void Consumer::DropBody(Lease& lease) {
  if (lease.body_kept) kept_bytes_ -= lease.bytes;
  lease.body_kept = false;
  std::string().swap(lease.message.body);
}

}  // namespace asya::transports::sqs
