// What comes in over the consuming link, and what becomes of each delivery.
#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "transports/rabbitmq/consumer.h"
#include "transports/rabbitmq/topology.h"

namespace asya::transports::rabbitmq {
namespace {

using Action = ports::Settlement::Action;

constexpr std::uint16_t kConsumeChannel = 1;
constexpr int kNackIsFreeFrom = 403;  // since 4.3 a nack is no failed delivery

std::string ConsumerTag(Windows::WindowId id) { return "w" + std::to_string(id); }

Windows::WindowId WindowOf(const std::string& consumer_tag) {
  Windows::WindowId id = 0;
  if (!consumer_tag.empty()) {
    std::from_chars(consumer_tag.data() + 1, consumer_tag.data() + consumer_tag.size(), id);
  }
  return id;
}

// How often the message has waited since it was lost last.
std::int64_t HearingsOf(const Arrival& arrival) {
  const Headers& headers = arrival.properties.headers;
  const bool lost_since = arrival.method.flag || headers.delivery_count.value_or(0) > 0;
  return lost_since ? 0 : headers.hearings.value_or(0);
}

WallTime VisibleAtOf(const Arrival& arrival, WallTime now) {
  const std::int64_t seconds = arrival.properties.timestamp_s;
  const WallTime fallback = seconds == 0 ? now : WallTime(std::chrono::seconds(seconds));
  const std::int64_t visible_us =
      arrival.properties.headers.visible_at_us.value_or(fallback.time_since_epoch().count());
  return WallTime(std::chrono::microseconds(visible_us));
}

}  // namespace

void Consumer::OnArrival(Arrival&& arrival) {
  switch (arrival.method.id) {
    case MethodId::kDeliver:
      if (phase_ == Phase::kReady) OnDelivery(std::move(arrival));
      return;
    case MethodId::kConsumeOk:
      if (phase_ == Phase::kReady) windows_->OnOpened(WindowOf(arrival.method.name), clock_.Steady());
      return;
    case MethodId::kCancelOk:
      if (phase_ == Phase::kReady) windows_->OnCancelled(WindowOf(arrival.method.name));
      return;
    case MethodId::kCancel:
      broken_ = "queue " + settings_.queue + " was removed";
      return;
    case MethodId::kChannelClose:
      broken_ = arrival.method.text;
      return;
    default:
      return;
  }
}

// Quorum queues count all losses, others tell the last one only, once or more.
void Consumer::CountLosses(const Arrival& arrival, Lease& lease) const {
  const Headers& headers = arrival.properties.headers;
  const std::int64_t before = std::max<std::int64_t>(0, headers.losses.value_or(0));
  const std::int64_t counted = headers.delivery_count.value_or(-1);
  const bool told = counted < 0 && arrival.method.flag && consuming_->version() < kNackIsFreeFrom;
  lease.losses = before + (told ? 1 : std::max<std::int64_t>(0, counted));
  lease.next_loss = told ? -1 : lease.losses;
}

LossSet Consumer::PardonedOf(const Headers& headers, std::uint64_t print, SteadyTime now) const {
  return static_cast<LossSet>(headers.pardoned.value_or(0)) | pardons_.Of(print, now);
}

void Consumer::OnDelivery(Arrival&& arrival) {
  const std::uint64_t channel_tag = arrival.method.tag;
  if (channel_tag != last_channel_tag_ + 1) {
    broken_ =
        "the broker numbered a delivery " + std::to_string(channel_tag) + " after " + std::to_string(last_channel_tag_);
    return;
  }
  last_channel_tag_ = channel_tag;
  const ports::DeliveryTag tag = TagOf(channel_tag);
  const SteadyTime now = clock_.Steady();
  Lease lease;
  lease.print = Memory::PrintOf(arrival.properties.message_id, arrival.body);
  CountLosses(arrival, lease);
  const bool unwanted = stopping_ || windows_->credits() == 0;
  windows_->OnDelivered(WindowOf(arrival.method.name), channel_tag, lease.print, lease.next_loss);
  auto recalled = Memory::Recalled::kUnknown;
  if (arrival.method.flag || lease.losses > 0) recalled = memory_.Recall(lease.print, now);
  if (recalled == Memory::Recalled::kSettled) {
    if (!unwanted) windows_->Grant(1);  // nobody sees this one
    windows_->Done(channel_tag, false, now);
    return;
  }
  if (lease.losses > 0) {
    lease.pardoned = PardonedOf(arrival.properties.headers, lease.print, now);
    lease.crashes = CrashesAmong(lease.losses, lease.pardoned);
  }
  is_fresh_ = false;
  lease.visible_at = VisibleAtOf(arrival, clock_.Now());
  lease.message_id = std::move(arrival.properties.message_id);
  Keep(lease, arrival.body);
  const Incoming incoming{unwanted, recalled != Memory::Recalled::kUnknown, revocations_};
  const Lease& taken = leases_.emplace(tag, std::move(lease)).first->second;
  if (taken.crashes >= ports::kLeastCrashLimit) return Examine(tag, std::move(arrival), incoming);
  Place(tag, std::move(arrival), incoming);
}

void Consumer::Keep(Lease& lease, const std::string& body) {
  lease.bytes = body.size();
  if (kept_bytes_ + lease.bytes > kKeptBodyBytesMax) return;
  kept_bytes_ += lease.bytes;
  lease.body = body;
}

// It may be given up for what the broker counts: only deliveries that a call had begun with are deaths. Where nothing
// can be written down, all are.
void Consumer::Examine(ports::DeliveryTag tag, Arrival&& arrival, Incoming incoming) {
  const Lease& lease = leases_.at(tag);
  const LossSet happened = lease.losses >= kPardonableLossesMax ? ~LossSet{0} : LossNumber(lease.losses) - 1;
  begun_->Count(lease.print, happened & ~lease.pardoned,
                [this, tag, incoming, held = std::make_shared<Arrival>(std::move(arrival))](std::int64_t deaths) {
                  const auto found = leases_.find(tag);
                  if (found == leases_.end() || found->second.settling) return;
                  Lease& examined = found->second;
                  if (!pardon_channel_->forbidden()) {
                    examined.crashes = std::max(deaths, ports::kLeastCrashLimit - 1);
                  }
                  Place(tag, std::move(*held), incoming);
                });
}

void Consumer::Place(ports::DeliveryTag tag, Arrival&& arrival, Incoming incoming) {
  Lease& lease = leases_.at(tag);
  const bool unwanted = incoming.unwanted || stopping_ || incoming.revocations != revocations_;
  // It may be given up for losses of which somebody may know more.
  if (lease.crashes >= ports::kLeastCrashLimit && HearingsOf(arrival) < kHearingsMax && MayCopy(lease)) {
    if (!unwanted) windows_->Grant(1);
    return Hear(tag, std::move(arrival));
  }
  windows_->SetCareful(lease.crashes > 0);
  if (unwanted) return GiveBack(tag, lease, false);
  // A queue that only tells the last one forgets, and what relays remember goes with them: both are written down in a
  // copy, which is worked on instead.
  const bool only_told = lease.next_loss < 0 && !incoming.is_own;
  if ((only_told || HasToBeTold(arrival, lease, incoming.is_own)) && MayCopy(lease)) {
    windows_->Grant(1);
    return WriteDown(tag, std::move(arrival));
  }
  deliveries_.push_back(ports::Delivery{tag, std::move(arrival.body), lease.crashes, lease.visible_at});
}

// The call of a message that may have killed somebody, or whose worker died here.
void Consumer::OnBegin(ports::DeliveryTag tag) {
  const auto found = leases_.find(tag);
  if (found == leases_.end() || found->second.settling) return events_->OnStarted(tag, LeaseLost());
  Lease& lease = found->second;
  const bool has_number = LossNumber(lease.next_loss) != 0;
  if (!has_number || std::exchange(lease.begun, true)) return events_->OnStarted(tag, Ok());
  begun_->Write(lease.print, lease.next_loss, [this, tag] {
    const bool lost = !leases_.contains(tag) || leases_.at(tag).settling;
    events_->OnStarted(tag, lost ? LeaseLost() : Ok());
  });
}

bool Consumer::HasToBeTold(const Arrival& arrival, const Lease& lease, bool is_own) {
  const auto written = static_cast<LossSet>(arrival.properties.headers.pardoned.value_or(0));
  const std::int64_t losses = CrashesAmong(lease.losses, written);
  const std::int64_t pardons = losses - CrashesAmong(lease.losses, lease.pardoned);
  return is_own ? pardons > 0 && losses > kUnwrittenLossesOfOwnMax : pardons >= kUnwrittenPardonsMax;
}

void Consumer::WriteDown(ports::DeliveryTag tag, Arrival&& arrival) {
  std::vector<Publication> copy;
  copy.push_back(CopyOf(leases_.at(tag), std::move(arrival.body)));
  Send(tag, std::move(copy), false);
}

// The others are asked, and the message waits in a delay queue meanwhile, so that nothing waits behind it.
void Consumer::Hear(ports::DeliveryTag tag, Arrival&& arrival) {
  const Lease& lease = leases_.at(tag);
  pardon_channel_->Ask({lease.print, lease.pardoned});
  std::vector<Publication> copy;
  copy.push_back(CopyOf(lease, std::move(arrival.body)));
  copy.back().delay = settings_.hearing;
  copy.back().hearings = HearingsOf(arrival) + 1;
  Send(tag, std::move(copy), false);
}

// Its delivery ends without a settlement, and nobody has died.
void Consumer::Pardoned(const Lease& lease, SteadyTime now) {
  pardons_.Grant({lease.print, lease.pardoned | LossNumber(lease.next_loss)}, now);
}

std::shared_ptr<const ports::Outgoing> Consumer::Own(std::string body, const std::string& message_id) const {
  return std::make_shared<const ports::Outgoing>(ports::Outgoing{settings_.queue, std::move(body), message_id});
}

Publication Consumer::CopyOf(const Lease& lease, std::string body) const {
  Publication copy{Own(std::move(body), lease.message_id), lease.visible_at};
  copy.losses = lease.losses;
  copy.pardoned = lease.pardoned;
  return copy;
}

Status Consumer::CheckSizes(const ports::Settlement& settlement) const {
  const auto check = [this](const std::string& queue, const std::string& body) -> Status {
    if (body.size() <= message_bytes_max_) return Ok();
    return Fail(ErrorCode::kTooLarge, "a message for " + queue + " has " + std::to_string(body.size()) +
                                          " bytes; the limit is " + std::to_string(message_bytes_max_));
  };
  for (const auto& message : settlement.publish) ASYA_TRY_STATUS(check(message.queue, message.body));
  return check(settings_.queue, settlement.retry_body);
}

void Consumer::OnSettle(const std::shared_ptr<const ports::Settlement>& settlement) {
  const ports::DeliveryTag tag = settlement->tag;
  const auto found = leases_.find(tag);
  if (found == leases_.end() || found->second.settling) return Tell(tag, LeaseLost(), true);
  if (Status size = CheckSizes(*settlement); !size.ok()) return Tell(tag, std::move(size), true);
  Lease& lease = found->second;
  const WallTime now = clock_.Now();
  if (settlement->action == Action::kGiveBack) {
    lease.deaths = std::max<std::int64_t>(0, settlement->crash_count - lease.crashes);
    return GiveBack(tag, lease, true);
  }
  std::vector<Publication> batch;
  if (settlement->action == Action::kRetry) {
    const auto delay = std::chrono::ceil<std::chrono::milliseconds>(settlement->retry_delay);
    batch.push_back({Own(settlement->retry_body, lease.message_id), now + settlement->retry_delay, delay});
  }
  for (const ports::Outgoing& message : settlement->publish) {
    batch.push_back({std::shared_ptr<const ports::Outgoing>(settlement, &message), now});
  }
  lease.ends = settlement->action == Action::kAck;
  lease.resolved = true;
  if (batch.empty()) {
    Finish(tag, false);
    return Tell(tag, Ok(), true);
  }
  Send(tag, std::move(batch), true);
}

// Its number comes again, and nobody has died of it: the record goes first.
void Consumer::GiveBack(ports::DeliveryTag tag, Lease& lease, bool tell) {
  if (lease.deaths > 0) return Mourn(tag, lease, tell);
  if (!std::exchange(lease.begun, false)) return PutBack(tag, tell);
  lease.settling = true;
  begun_->Remove(lease.print, lease.next_loss, [this, tag, tell] {
    if (leases_.contains(tag)) PutBack(tag, tell);
  });
}

// What died under this relay becomes losses of the copy, each with the record that a call had begun. Here they are
// written before all else, as that of the call is.
void Consumer::Mourn(ports::DeliveryTag tag, Lease& lease, bool tell) {
  lease.settling = true;
  const std::int64_t end = std::min<std::int64_t>(lease.losses + lease.deaths, kPardonableLossesMax);
  const auto missing = std::make_shared<std::int64_t>(1);  // until all were told
  const auto written = [this, tag, tell, missing] {
    if (--*missing == 0 && leases_.contains(tag)) PutBack(tag, tell);
  };
  for (std::int64_t number = lease.losses; number < end; ++number) {
    ++*missing;
    begun_->Write(lease.print, number, written);
  }
  written();
}

// A larger body than the broker takes would end the connection.
bool Consumer::MayCopy(const Lease& lease) const {
  return lease.body && lease.bytes <= message_bytes_max_ && clock_.Steady() >= copies_from_;
}

// By a copy, because brokers before 4.3 count a message that is put back as one whose consumer failed.
void Consumer::PutBack(ports::DeliveryTag tag, bool tell) {
  const Lease& lease = leases_.at(tag);
  const bool is_free = consuming_->version() >= kNackIsFreeFrom && lease.deaths == 0;
  if (is_free || !MayCopy(lease)) {
    Finish(tag, true);
    return Tell(tag, Ok(), tell);
  }
  std::vector<Publication> copy;
  copy.push_back(CopyOf(lease, *lease.body));
  copy.back().losses += lease.deaths;
  Send(tag, std::move(copy), tell);
}

// Published and confirmed, then acknowledged: the message is never nowhere.
void Consumer::Send(ports::DeliveryTag tag, std::vector<Publication> batch, bool tell) {
  leases_.at(tag).settling = true;
  publishing_->Send(std::move(batch), [this, tag, tell](Status sent) {
    const auto found = leases_.find(tag);
    if (found == leases_.end()) return;
    if (sent.ok()) {
      Finish(tag, false);
    } else {
      found->second.settling = found->second.ends = found->second.resolved = false;
      if (!tell) {
        copies_from_ = clock_.Steady() + kCopyPause;
        Finish(tag, true);
      }
    }
    Tell(tag, std::move(sent), tell);
  });
}

void Consumer::Finish(ports::DeliveryTag tag, bool requeue) {
  const auto found = leases_.find(tag);
  if (found->second.body) kept_bytes_ -= found->second.bytes;
  if (found->second.ends && !requeue) memory_.Settled(found->second.print);
  if (found->second.resolved && (found->second.begun || found->second.crashes > 0)) {
    begun_->RemoveAll(found->second.print, std::max(found->second.losses, found->second.next_loss));
  }
  const bool is_counted = requeue && consuming_->version() < kNackIsFreeFrom;
  if (is_counted && found->second.deaths == 0) Pardoned(found->second, clock_.Steady());
  leases_.erase(found);
  windows_->Done(ChannelTag(tag), requeue, clock_.Steady());
}

void Consumer::Tell(ports::DeliveryTag tag, Status status, bool tell) {
  if (tell) events_->OnSettled(tag, std::move(status));
}

void Consumer::SendOrders(const Windows::Orders& orders) {
  for (const auto id : orders.cancels) consuming_->Send(kConsumeChannel, Cancel(ConsumerTag(id)));
  for (const auto& ack : orders.acks) {
    consuming_->Send(kConsumeChannel, ack.requeue ? Nack(ack.tag) : Ack(ack.tag, ack.multiple));
  }
  for (const auto& open : orders.opens) {
    consuming_->Send(kConsumeChannel, Qos(open.prefetch));
    consuming_->Send(kConsumeChannel, Consume(settings_.queue, ConsumerTag(open.id)));
  }
}

// What is too large is refused before it is sent from now on.
void Consumer::LearnLimit(const std::string& reason) {
  const auto limit = MessageLimitIn(reason);
  if (limit) message_bytes_max_ = std::min(message_bytes_max_.load(), *limit);
}

}  // namespace asya::transports::rabbitmq
