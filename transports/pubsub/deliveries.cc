// What the pulls bring, and what becomes of each delivery.
#include <algorithm>
#include <utility>

#include "transports/pubsub/consumer.h"
#include "transports/pubsub/marks.h"

namespace asya::transports::pubsub {
namespace {

using Action = ports::Settlement::Action;

Status LeaseLost() { return Fail(ErrorCode::kConflict, "the lease was lost"); }

}  // namespace

void Consumer::OnReceived(Received received) {
  const auto known = memory_.Recall(received.message_id);
  if (known && known->settled) {
    acks_.push_back({std::move(received.ack_id), std::move(received.message_id)});
    return;
  }
  const ports::DeliveryTag tag(++last_tag_);
  Lease lease;
  const Marks marks = MarksOf(received, clock_.Now());
  lease.crashes = known ? known->crashes : marks.crashes;
  lease.visible_at = marks.visible_at;
  lease.early = marks.early;
  lease.own_id = marks.own_id;
  lease.ack_id = std::move(received.ack_id);
  lease.message_id = std::move(received.message_id);
  lease.expires_at = clock_.Steady() + this->lease();
  lease.has_body = lease.early || kept_bytes_ + received.data.size() <= kKeptBodyBytesMax;
  lease.body = std::move(received.data);
  if (lease.has_body) kept_bytes_ += lease.body.size();
  if (!lease.early) careful_ = lease.crashes > 0;
  Lease& taken = leases_.emplace(tag, std::move(lease)).first->second;
  if (!taken.early) return Deliver(tag, taken);
  // It was let go, or lost with whoever kept it. Once it is due, nobody could tell that from the death of a worker: a
  // copy has no deliveries behind it.
  if (received.attempt > 1) return GiveBack(tag, taken, false);
  early_.emplace(taken.visible_at, tag);
  if (early_.size() <= kHeldMax && kept_bytes_ <= kKeptBodyBytesMax) return;
  const auto left = std::chrono::ceil<std::chrono::seconds>(taken.visible_at - clock_.Now()).count();
  LetGo(tag, static_cast<int>(std::min<std::int64_t>(left, kAckDeadlineMaxS)));
}

// The lease keeps the body as well where it may have to be given back; else it goes to whoever works on it.
void Consumer::Deliver(ports::DeliveryTag tag, Lease& lease) {
  if (stopping_ || credits_ == 0) return GiveBack(tag, lease, false);
  --credits_;
  std::string body = lease.has_body ? lease.body : std::move(lease.body);
  deliveries_.push_back(ports::Delivery{tag, std::move(body), lease.crashes, lease.visible_at});
}

// Of a delivery that was told and is still ours; leases run out by the clock of the server, and are forgotten then.
Consumer::Lease* Consumer::Valid(ports::DeliveryTag tag) {
  const auto found = leases_.find(tag);
  if (found == leases_.end() || found->second.settling || found->second.early) return nullptr;
  if (found->second.expires_at > clock_.Steady()) return &found->second;
  Drop(tag);
  return nullptr;
}

void Consumer::OnBegin(ports::DeliveryTag tag) { events_->OnStarted(tag, Valid(tag) == nullptr ? LeaseLost() : Ok()); }

Status Consumer::CheckSizes(const ports::Settlement& settlement) const {
  const auto check = [this](const std::string& queue, const std::string& body) -> Status {
    if (body.size() <= settings_.message_bytes_max) return Ok();
    return Fail(ErrorCode::kTooLarge, "a message for " + queue + " has " + std::to_string(body.size()) +
                                          " bytes; the limit is " + std::to_string(settings_.message_bytes_max));
  };
  for (const auto& message : settlement.publish) ASYA_TRY_STATUS(check(message.queue, message.body));
  return check(settings_.queue, settlement.retry_body);
}

void Consumer::OnSettle(const ports::Settlement& settlement) {
  const ports::DeliveryTag tag = settlement.tag;
  Lease* lease = Valid(tag);
  if (lease == nullptr) return Tell(tag, LeaseLost(), true);
  if (Status size = CheckSizes(settlement); !size.ok()) return Tell(tag, std::move(size), true);
  if (settlement.action == Action::kGiveBack) {
    lease->crashes = std::max(lease->crashes, settlement.crash_count);
    return GiveBack(tag, *lease, true);
  }
  std::vector<Publication> batch;
  WallTime due{};
  if (settlement.action == Action::kRetry) {
    if (settlement.retry_delay.count() > 0) due = clock_.Now() + settlement.retry_delay;
    batch.push_back({settings_.queue, settlement.retry_body, Marked(lease->own_id, 0, due)});
  }
  for (const ports::Outgoing& message : settlement.publish) {
    batch.push_back({message.queue, message.body, Marked(message.message_id, 0, WallTime{})});
  }
  lease->ends = settlement.action == Action::kAck;
  if (batch.empty()) {
    Finish(tag);
    return Tell(tag, Ok(), true);
  }
  Send(tag, std::move(batch), true, due);
}

// By a copy, because Pub/Sub counts a message that is put back as one whose consumer failed.
void Consumer::GiveBack(ports::DeliveryTag tag, Lease& lease, bool tell) {
  if (!lease.has_body) {
    LetGo(tag, 0);
    return Tell(tag, Ok(), tell);
  }
  std::vector<Publication> copy;
  copy.push_back({settings_.queue, std::move(lease.body), Marked(lease.own_id, lease.crashes, lease.visible_at)});
  kept_bytes_ -= copy.front().body.size();
  lease.has_body = false;
  Send(tag, std::move(copy), tell);
}

// Published and confirmed, then acknowledged: the message is never nowhere.
void Consumer::Send(ports::DeliveryTag tag, std::vector<Publication> batch, bool tell, WallTime due) {
  std::map<std::string, std::int64_t> arrived;
  Lease& lease = leases_.at(tag);
  lease.settling = true;
  if (lease.ends) {
    for (const Publication& message : batch) ++arrived[message.queue];
  }
  publishing_->Send(std::move(batch), [this, tag, tell, due, arrived = std::move(arrived)](Status sent) {
    const auto found = leases_.find(tag);
    if (found == leases_.end()) return;
    if (sent.ok()) {
      for (const auto& [queue, count] : arrived) report_.changes[queue].arrived += count;
      if (due != WallTime{}) Delayed(due);
      Finish(tag);
    } else {
      found->second.settling = found->second.ends = false;
      // Not for 0: it would come again at once, and its copy would be refused again.
      if (!tell) LetGo(tag, kRefusedCopyPauseS);
    }
    Tell(tag, std::move(sent), tell);
  });
}

void Consumer::Delayed(WallTime due) {
  auto& told = report_.changes[settings_.queue].due;
  if (told.size() < kDueTimesMax) told.push_back(due);
}

void Consumer::Finish(ports::DeliveryTag tag) {
  const auto found = leases_.find(tag);
  Lease& lease = found->second;
  if (lease.has_body) kept_bytes_ -= lease.body.size();
  if (lease.ends) ++report_.changes[settings_.queue].settled;
  memory_.Settled(lease.message_id);
  acks_.push_back({std::move(lease.ack_id), std::move(lease.message_id)});
  leases_.erase(found);
  report_due_ = true;
}

// Forgets the lease; its ack id.
std::string Consumer::Drop(ports::DeliveryTag tag) {
  const auto found = leases_.find(tag);
  const auto [begin, end] = early_.equal_range(found->second.visible_at);
  for (auto at = begin; at != end; ++at) {
    if (at->second != tag) continue;
    early_.erase(at);
    break;
  }
  if (found->second.has_body) kept_bytes_ -= found->second.body.size();
  std::string ack_id = std::move(found->second.ack_id);
  leases_.erase(found);
  report_due_ = true;
  return ack_id;
}

// The lease runs for so long and then ends by itself.
void Consumer::LetGo(ports::DeliveryTag tag, int seconds) { Modify({Drop(tag)}, seconds); }

void Consumer::Tell(ports::DeliveryTag tag, Status status, bool tell) {
  if (tell) events_->OnSettled(tag, std::move(status));
}

}  // namespace asya::transports::pubsub
