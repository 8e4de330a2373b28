// What SQS hands over: polls, leases and their heartbeats, delays above what SQS can, and what may have killed
// somebody.
#include <algorithm>
#include <utility>

#include "transports/sqs/consumer.h"

namespace asya::transports::sqs {
namespace {

constexpr int kRenewAtPart = 3;      // of the visibility; others are renewed along from a quarter of it on
constexpr int kAlongPart = 12;       // a third less a quarter
constexpr int kRenewAgainPart = 10;  // after a renewal that failed
constexpr int kOnTheWayPart = 10;    // of the visibility: how long an answer is taken to have been on its way
// Kept below SQS's own limit: it counts from a moment that we see a little later.
constexpr std::chrono::seconds kHiddenMost = kVisibilityMax - std::chrono::seconds(60);

}  // namespace

void Consumer::Poll() {
  if (stopping_) return;
  if (suspect_ && working_ == 0) {
    const auto lease = leases_.find(*std::exchange(suspect_, std::nullopt));
    if (lease != leases_.end()) Tell(lease->first, lease->second);
  }
  const auto held = std::count_if(leases_.begin(), leases_.end(), [](const auto& l) { return !l.second.settled; });
  const SteadyTime now = clock_.Steady();
  while (const std::size_t count = polls_.Next(static_cast<std::size_t>(held), now)) BeginPoll(count);
}

void Consumer::BeginPoll(std::size_t count) {
  CallPolicy policy;
  policy.attempts = 1;  // the next poll is the next attempt
  policy.keeps_leases = true;
  policy.limit = settings_.wait + kCallLimit;
  const auto id = std::make_shared<Calls::Id>(0);
  const SteadyTime began = clock_.Steady();
  *id = calls_.Begin(Action::kReceiveMessage, ReceiveRequest(url_, count, settings_.wait, settings_.visibility), policy,
                     [this, id, began](const Result<std::string>& answer) { Polled(*id, began, answer); });
  polls_.Began(*id, count, began);
}

void Consumer::Polled(Calls::Id id, SteadyTime began, const Result<std::string>& answer) {
  const SteadyTime now = clock_.Steady();
  auto received = answer.ok() ? ReadReceived(*answer) : Result<std::vector<Received>>(answer.error());
  if (!received.ok()) {
    const ErrorCode code = received.error().code;
    polls_.Failed(id, now, random_.Unit());
    WatchQueue(received.error());
    if (code == ErrorCode::kUnauthorized || code == ErrorCode::kForbidden) broken_ = received.error().message;
    return;
  }
  if (counts_ != nullptr) counts_->Received(received->size());
  std::size_t wanted = polls_.Ended(id, received->size(), now);
  std::vector<ports::DeliveryTag> fresh;
  std::vector<ports::DeliveryTag> suspects;
  // The lease began when SQS gave it out: some time before the answer was here, and not before the question.
  const SteadyTime leased = std::max(began, now - settings_.visibility / kOnTheWayPart);
  for (Received& message : *received) {
    const ports::DeliveryTag tag = TakeIn(std::move(message), leased);
    Lease& lease = leases_.at(tag);
    const auto rest = lease.message.due - clock_.Now();
    const auto recalled = memory_.Recall(lease.message.sqs_id);
    const bool is_done = recalled && recalled->settled;
    if (wanted > 0 && (is_done || rest.count() > 0)) polls_.Grant(1, now);
    const bool unwanted = wanted == 0 || stopping_;
    if (wanted > 0) --wanted;
    if (is_done) {
      Finish(tag);
    } else if (rest.count() > 0) {
      HideAgain(tag, rest);
    } else if (unwanted) {
      GiveBack(tag, false);
    } else {
      (lease.crashes > 0 ? suspects : fresh).push_back(tag);
    }
  }
  LineUp(fresh, std::move(suspects));
}

ports::DeliveryTag Consumer::TakeIn(Received message, SteadyTime leased) {
  LoseEarlier(message);
  const ports::DeliveryTag tag(++last_tag_);
  Lease& lease = leases_[tag];
  lease.crashes = CrashesOf(message);
  lease.message = std::move(message);
  lease.bytes = lease.message.body.size();
  lease.body_kept = kept_bytes_ + lease.bytes <= kKeptBodyBytesMax;
  if (lease.body_kept) kept_bytes_ += lease.bytes;
  lease.received_at = leased;
  lease.expires_at = leased + settings_.visibility;
  lease.renew_at = leased + settings_.visibility / kRenewAtPart;
  return tag;
}

// How many earlier receipts were never settled.
std::int64_t Consumer::CrashesOf(const Received& message) const {
  const auto recalled = memory_.Recall(message.sqs_id);
  if (recalled && !recalled->settled) {
    return std::max<std::int64_t>(0, recalled->crashes + message.receive_count - recalled->receive_count - 1);
  }
  // One that is due later than SQS can delay was received once before, and hidden again.
  const bool was_early = message.due - message.sent_at > kDelayMax + std::chrono::seconds(1);
  return std::max<std::int64_t>(0, message.crashes + message.receive_count - 1 - (was_early ? 1 : 0));
}

// It came before its time. A copy shows as delayed; one receipt may be hidden for longer, and costs one call.
void Consumer::HideAgain(ports::DeliveryTag tag, std::chrono::microseconds rest) {
  Lease& lease = leases_.at(tag);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(rest);
  if (seconds > kDelayMax && lease.message.receive_count == 1) {
    lease.settling = true;
    visibilities_->Add(VisibilityEntry(lease.message.receipt, std::min(seconds, kHiddenMost)), 0,
                       [this, tag](const Status&) {
                         const auto found = leases_.find(tag);
                         if (found != leases_.end()) Forget(found);
                       });
    return;
  }
  Parcel copy{lease.message.body, lease.message.message_id, std::min(seconds, kDelayMax), lease.message.due,
              lease.crashes};
  Send(tag, {{settings_.queue, std::move(copy)}}, false);
}

void Consumer::Tell(ports::DeliveryTag tag, Lease& lease) {
  lease.told = true;
  ++working_;
  const bool has_due = lease.message.due != WallTime{};
  deliveries_.push_back({tag, lease.body_kept ? lease.message.body : std::move(lease.message.body), lease.crashes,
                         has_due ? lease.message.due : lease.message.sent_at});
}

// What may have killed somebody is worked on alone: were others leased meanwhile, its next victim would count for them
// too. One of them waits here until those before it have ended, the others go back.
void Consumer::LineUp(const std::vector<ports::DeliveryTag>& fresh, std::vector<ports::DeliveryTag> suspects) {
  for (const ports::DeliveryTag tag : fresh) Tell(tag, leases_.at(tag));
  if (suspects.empty()) {
    if (!fresh.empty() && !suspect_) polls_.SetCareful(false);
    return;
  }
  polls_.SetCareful(true);
  if (!suspect_) {
    suspect_ = suspects.back();
    suspects.pop_back();
  }
  for (const ports::DeliveryTag tag : suspects) {
    GiveBack(tag, false);
    polls_.Grant(1, clock_.Steady());
  }
}

void Consumer::KeepLeases() {
  // Then it is decided for all of them whether they are lost: IsLost.
  const bool failing = calls_.failing_since().has_value();
  const SteadyTime now = clock_.Steady();
  std::vector<Leases::iterator> expired;
  bool any_due = false;
  for (auto lease = leases_.begin(); lease != leases_.end(); ++lease) {
    if (!failing && now >= lease->second.expires_at) expired.push_back(lease);
    any_due = any_due || (!lease->second.renewing && now >= lease->second.renew_at);
  }
  for (const auto& lease : expired) LoseLease(lease);
  if (!any_due) return;
  for (auto& [tag, lease] : leases_) {
    if (lease.renewing || now < lease.renew_at - settings_.visibility / kAlongPart) continue;
    const auto age = std::chrono::ceil<std::chrono::seconds>(now - lease.received_at);
    const auto left = std::min(settings_.visibility, kHiddenMost - age);
    lease.renew_at = SteadyTime::max();
    if (left.count() <= 0) continue;  // SQS lets nobody hold a message for longer
    lease.renewing = true;
    visibilities_->Add(VisibilityEntry(lease.message.receipt, left), 0,
                       [this, tag = tag, until = now + left](const Status& status) { Renewed(tag, until, status); });
  }
}

void Consumer::Renewed(ports::DeliveryTag tag, SteadyTime until, const Status& status) {
  const auto found = leases_.find(tag);
  if (found == leases_.end() || found->second.lost) return;
  Lease& lease = found->second;
  lease.renewing = false;
  if (status.ok()) {
    lease.expires_at = until;
    lease.renew_at = until - settings_.visibility + settings_.visibility / kRenewAtPart;
    return;
  }
  WatchQueue(status.error());
  const ErrorCode code = status.error().code;
  if (code == ErrorCode::kConflict || code == ErrorCode::kInvalid) return LoseLease(found);
  lease.renew_at = clock_.Steady() + settings_.visibility / kRenewAgainPart;
}

void Consumer::WatchQueue(const Error& error) {
  if (error.code == ErrorCode::kNotFound && !broken_) broken_ = "queue " + settings_.queue + " was removed";
}

// Whoever works on it finds out when it settles.
void Consumer::LoseLease(Leases::iterator lease) {
  Lease& lost = lease->second;
  if (suspect_ == lease->first) suspect_.reset();
  if (!lost.settled) Remember(lost);
  if (lost.settling && !lost.settled) {
    // Somebody waits for what becomes of its outputs; with them it is settled even so.
    lost.lost = true;
    lost.expires_at = lost.renew_at = SteadyTime::max();
    return;
  }
  Forget(lease);
}

// What comes again has ended for whoever has it here, also where that is not known yet.
void Consumer::LoseEarlier(const Received& message) {
  if (message.receive_count < 2) return;
  const auto earlier = std::ranges::find_if(leases_, [&message](const auto& entry) {
    const Lease& lease = entry.second;
    return lease.message.sqs_id == message.sqs_id && !lease.lost && !lease.settled;
  });
  if (earlier != leases_.end()) LoseLease(earlier);
}

void Consumer::Remember(const Lease& lost) {
  memory_.LostLease(lost.message.sqs_id, lost.message.receive_count, lost.crashes);
}

}  // namespace asya::transports::sqs
