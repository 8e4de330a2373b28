// What comes in over the consuming link, and what becomes of each delivery.
#include <charconv>
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

}  // namespace

void Consumer::OnArrival(Arrival&& arrival) {
  switch (arrival.method.id) {
    case MethodId::kDeliver:
      if (phase_ == Phase::kReady) OnDelivery(std::move(arrival));
      return;
    case MethodId::kConsumeOk:
      if (phase_ == Phase::kReady) windows_->OnOpened(WindowOf(arrival.method.name));
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

// How many earlier deliveries were never settled. Quorum queues count them, others tell the last one only.
std::int64_t Consumer::CrashesOf(const Arrival& arrival) const {
  const Headers& headers = arrival.properties.headers;
  const std::int64_t before = headers.crashes.value_or(0);
  const std::int64_t counted = headers.delivery_count.value_or(-1);
  if (counted >= 0) return before + counted;
  const bool told = arrival.method.flag && consuming_->version() < kNackIsFreeFrom;
  return before + (told ? 1 : 0);
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
  lease.crashes = CrashesOf(arrival);
  const bool unwanted = stopping_ || windows_->credits() == 0;  // it was under way when the credits were taken back
  windows_->OnDelivered(WindowOf(arrival.method.name), channel_tag, lease.print);
  std::optional<Memory::Recalled> recalled;
  if (arrival.method.flag || lease.crashes > 0) recalled = memory_.Recall(lease.print, now);
  if (recalled && recalled->settled) {
    if (!unwanted) windows_->Grant(1);  // nobody sees this one
    windows_->Done(channel_tag, false, now);
    return;
  }
  if (recalled) lease.crashes = recalled->crashes;
  windows_->SetCareful(lease.crashes > 0);
  is_fresh_ = false;
  const std::int64_t seconds = arrival.properties.timestamp_s;
  const WallTime fallback = seconds == 0 ? clock_.Now() : WallTime(std::chrono::seconds(seconds));
  const std::int64_t visible_us =
      arrival.properties.headers.visible_at_us.value_or(fallback.time_since_epoch().count());
  lease.visible_at = WallTime(std::chrono::microseconds(visible_us));
  lease.message_id = std::move(arrival.properties.message_id);
  lease.bytes = arrival.body.size();
  if (kept_bytes_ + lease.bytes <= kKeptBodyBytesMax) {
    kept_bytes_ += lease.bytes;
    lease.body = arrival.body;
  }
  const bool counted = arrival.properties.headers.delivery_count.has_value();
  const bool only_told = !counted && !recalled && lease.crashes > arrival.properties.headers.crashes.value_or(0);
  Lease& taken = leases_.emplace(tag, std::move(lease)).first->second;
  // A queue that only tells the last one forgets: the count goes with a copy, which is worked on instead.
  if (unwanted) return GiveBack(tag, taken, false);
  if (only_told && taken.body) {
    windows_->Grant(1);
    return GiveBack(tag, taken, false);
  }
  deliveries_.push_back(ports::Delivery{tag, std::move(arrival.body), taken.crashes, taken.visible_at});
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

void Consumer::OnSettle(ports::Settlement settlement) {
  const ports::DeliveryTag tag = settlement.tag;
  const auto found = leases_.find(tag);
  if (found == leases_.end() || found->second.settling) return Tell(tag, LeaseLost(), true);
  if (Status size = CheckSizes(settlement); !size.ok()) return Tell(tag, std::move(size), true);
  Lease& lease = found->second;
  const WallTime now = clock_.Now();
  if (settlement.action == Action::kGiveBack) return GiveBack(tag, lease, true);
  std::vector<Publication> batch;
  if (settlement.action == Action::kRetry) {
    const auto delay = std::chrono::ceil<std::chrono::milliseconds>(settlement.retry_delay);
    batch.push_back(
        {settings_.queue, std::move(settlement.retry_body), lease.message_id, now + settlement.retry_delay, 0, delay});
  }
  for (ports::Outgoing& message : settlement.publish) {
    batch.push_back({std::move(message.queue), std::move(message.body), std::move(message.message_id), now});
  }
  lease.ends = settlement.action == Action::kAck;
  if (batch.empty()) {
    Finish(tag, false);
    return Tell(tag, Ok(), true);
  }
  Send(tag, std::move(batch), true);
}

// By a copy, because brokers before 4.3 count a message that is put back as one whose consumer failed.
void Consumer::GiveBack(ports::DeliveryTag tag, Lease& lease, bool tell) {
  if (consuming_->version() >= kNackIsFreeFrom || !lease.body) {
    Finish(tag, true);
    return Tell(tag, Ok(), tell);
  }
  std::vector<Publication> copy;
  copy.push_back({settings_.queue, *lease.body, lease.message_id, lease.visible_at, lease.crashes});
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
      found->second.settling = found->second.ends = false;
      if (!tell) Finish(tag, true);
    }
    Tell(tag, std::move(sent), tell);
  });
}

void Consumer::Finish(ports::DeliveryTag tag, bool requeue) {
  const auto found = leases_.find(tag);
  if (found->second.body) kept_bytes_ -= found->second.bytes;
  if (found->second.ends && !requeue) memory_.Settled(found->second.print);
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

// "message size 200 is larger than configured max size 100": what is too large is refused before it is sent from now
// on.
void Consumer::LearnLimit(const std::string& reason) {
  constexpr std::string_view kMark = "configured max size ";
  const std::size_t at = reason.find(kMark);
  if (at == std::string::npos) return;
  std::size_t limit = 0;
  const char* begin = reason.data() + at + kMark.size();
  const auto [end, error] = std::from_chars(begin, reason.data() + reason.size(), limit);
  if (error == std::errc() && limit > 0) message_bytes_max_ = std::min(message_bytes_max_.load(), limit);
}

}  // namespace asya::transports::rabbitmq
