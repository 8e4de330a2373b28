// Pulling what is wanted, keeping leases alive, acknowledging in batches.
#include <algorithm>
#include <utility>

#include "transports/pubsub/consumer.h"

namespace asya::transports::pubsub {
namespace {

constexpr std::chrono::seconds kPullLimit{60};  // then the next one; the server ends an empty one earlier
constexpr std::chrono::seconds kCallLimit{20};
constexpr std::chrono::milliseconds kPause{1000};  // after the server refused something for now
constexpr int kHeartbeatsALease = 6;

}  // namespace

// How many more messages to ask for: what the pulls under way may bring is asked for already.
std::size_t Consumer::Wanted() const {
  std::size_t asked = 0;
  for (const auto& [number, pull] : pulls_) asked += pull.count;
  if (stopping_ || asked >= credits_) return 0;
  const std::size_t told = leases_.size() - early_.size();
  if (careful_) return told == 0 && pulls_.empty() ? 1 : 0;
  return credits_ - asked;
}

void Consumer::SendPulls() {
  if (clock_.Steady() < pull_at_) return;
  for (std::size_t wanted = Wanted(); wanted > 0 && pulls_.size() < kPullsMax; wanted = Wanted()) {
    const std::size_t count = std::min(wanted, pull_max_);
    const std::uint64_t number = ++last_pull_;
    const Channel::CallId call = channel_->Call(kPull, EncodePull(subscription_, count, false), kPullLimit,
                                                [this, number](const Result<std::string>& answer) {
                                                  pulls_.erase(number);
                                                  Pulled(answer);
                                                });
    pulls_[number] = {channel_.get(), call, count};
  }
}

void Consumer::Pulled(const Result<std::string>& answer) {
  if (!answer.ok()) {
    const ErrorCode code = answer.error().code;
    if (code == ErrorCode::kTooLarge) pull_max_ = std::max<std::size_t>(1, pull_max_ / 4);
    const bool just_empty = code == ErrorCode::kTimeout && channel_->heard_at() + kPullLimit > clock_.Steady();
    if (code != ErrorCode::kTooLarge && !just_empty) Trouble(answer.error());
    if (!just_empty) pull_at_ = clock_.Steady() + kPause;
    return;
  }
  auto received = DecodePull(*answer);
  if (!received.ok()) return Trouble(received.error());
  if (received->empty() && leases_.empty()) {
    if (!idle_since_) idle_since_ = clock_.Steady();
    return;
  }
  idle_since_.reset();
  report_due_ = true;
  for (Received& one : *received) OnReceived(std::move(one));
}

// What is over its time is not ours any more; whoever settles it hears so.
void Consumer::KeepLeases() {
  const SteadyTime now = clock_.Steady();
  if (leases_.empty() || now < keep_at_) return;
  keep_at_ = now + lease() / kHeartbeatsALease;
  std::vector<std::string> ids;
  std::vector<ports::DeliveryTag> over;
  for (auto& [tag, one] : leases_) {
    if (one.expires_at <= now && one.early) over.push_back(tag);
    const bool enough = one.expires_at > now + lease() * 2 / 3;
    if (one.expires_at <= now || enough) continue;
    one.expires_at = now + lease();
    ids.push_back(one.ack_id);
  }
  for (const ports::DeliveryTag tag : over) Drop(tag);
  Modify(ids, lease_s_);
}

void Consumer::Modify(const std::vector<std::string>& ack_ids, int seconds) {
  std::vector<std::string> some;
  std::size_t bytes = 0;
  const auto send = [&] {
    if (some.empty()) return;
    channel_->Call(kModifyAckDeadline, EncodeModify(subscription_, std::exchange(some, {}), seconds), kCallLimit,
                   [this](const Result<std::string>& answer) {
                     if (!answer.ok()) Trouble(answer.error());
                   });
    bytes = 0;
  };
  for (const std::string& id : ack_ids) {
    if (bytes + id.size() > kAckBytesMax) send();
    bytes += id.size() + 4;
    some.push_back(id);
  }
  send();
}

void Consumer::SendAcks() {
  if (clock_.Steady() < ack_at_) return;
  while (!acks_.empty() && ack_calls_ < kAckCallsMax) {
    std::vector<PendingAck> taken;
    std::vector<std::string> ids;
    std::size_t bytes = 0;
    while (!acks_.empty() && (ids.empty() || bytes + acks_.back().ack_id.size() <= kAckBytesMax)) {
      bytes += acks_.back().ack_id.size() + 4;
      ids.push_back(acks_.back().ack_id);
      taken.push_back(std::move(acks_.back()));
      acks_.pop_back();
    }
    ++ack_calls_;
    channel_->Call(kAcknowledge, EncodeAck(subscription_, ids), kCallLimit,
                   [this, taken = std::move(taken)](const Result<std::string>& answer) {
                     --ack_calls_;
                     if (answer.ok()) return;
                     acks_.insert(acks_.end(), taken.begin(), taken.end());
                     ack_at_ = clock_.Steady() + kPause;
                     Trouble(answer.error());
                   });
  }
}

// Retries that were kept until now.
void Consumer::TellDue() {
  while (!early_.empty() && credits_ > 0 && early_.begin()->first <= clock_.Now()) {
    const ports::DeliveryTag tag = early_.begin()->second;
    early_.erase(early_.begin());
    Lease& lease = leases_.at(tag);
    lease.early = false;
    Deliver(tag, lease);
  }
}

}  // namespace asya::transports::pubsub
