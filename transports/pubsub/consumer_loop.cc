// The consumer's thread: connecting for ever, and one turn after another.
#include <algorithm>
#include <utility>

#include "transports/pubsub/consumer.h"

namespace asya::transports::pubsub {
namespace {

constexpr int kDoublingsMax = 16;  // of the time between two tries
constexpr std::chrono::seconds kCheckLimit{15};
constexpr std::chrono::seconds kAliveReport{5};  // while there is something to tell, also if it did not change
constexpr std::chrono::seconds kReportAgain{5};  // after nobody took the last one

}  // namespace

void Consumer::Work() {
  while (!MayEnd()) {
    for (const auto& letter : loop_.Take()) letter();
    if (phase_ == Phase::kAway && !stopping_ && clock_.Steady() >= try_at_) Connect();
    DriveChannels();
    if (phase_ == Phase::kOpening && channel_->open()) {
      phase_ = Phase::kChecking;
      try_at_ = clock_.Steady();
    }
    if (phase_ == Phase::kChecking && clock_.Steady() >= try_at_) CheckQueue();
    if (phase_ == Phase::kReady) Turn();
    if (broken_) {
      Lose(*std::exchange(broken_, std::nullopt));
      continue;
    }
    if (!MayEnd()) Wait();
  }
}

void Consumer::Connect() {
  const auto token = settings_.access->Token();
  if (!token.ok()) {
    TellConnection(false, token.error().message);
    try_at_ = RetryAt();
    return;
  }
  channel_ = NewChannel();
  publishing_ = std::make_unique<Publishing>(*channel_, settings_.address.project, clock_);
  phase_ = Phase::kOpening;
  if (const Status begun = channel_->Begin(); !begun.ok()) Lose(begun.error().message);
}

std::unique_ptr<Channel> Consumer::NewChannel() {
  ChannelSettings settings{.address = settings_.address, .ca_pem = settings_.ca_pem, .token = [this] {
                             auto now = settings_.access->Token();
                             return now.ok() ? *now : std::string();
                           }};
  return std::make_unique<Channel>(std::move(settings), clock_);
}

void Consumer::DriveChannels() {
  if (former_ != nullptr) {
    const Status advanced = former_->Advance(std::exchange(former_readable_, false));
    if (!advanced.ok()) former_->Fail(Fail(ErrorCode::kUnavailable, advanced.error().message));
    if (!advanced.ok() || former_->calls() == 0) former_.reset();
  }
  if (channel_ == nullptr) return;
  const Status advanced = channel_->Advance(std::exchange(readable_, false));
  if (!advanced.ok() && !broken_) broken_ = advanced.error().message;
  if (channel_->leaving() && !broken_) HandOver();
}

// Google's servers ask for a new connection now and then; leases are not of a connection and stay.
void Consumer::HandOver() {
  if (phase_ != Phase::kReady || former_ != nullptr) {
    broken_ = "the server closes the connection";
    return;
  }
  former_ = std::exchange(channel_, NewChannel());
  publishing_->Use(*channel_);
  if (const Status begun = channel_->Begin(); !begun.ok()) broken_ = begun.error().message;
}

void Consumer::CheckQueue() {
  try_at_ = SteadyTime::max();
  channel_->Call(kGetSubscription, EncodeName(subscription_), kCheckLimit,
                 [this](const Result<std::string>& answer) { Checked(answer); });
  const Status flushed = channel_->Flush();
  if (!flushed.ok() && !broken_) broken_ = flushed.error().message;
}

void Consumer::Checked(const Result<std::string>& answer) {
  if (phase_ != Phase::kChecking) return;
  if (!answer.ok()) {
    const bool missing = answer.error().code == ErrorCode::kNotFound;
    if (missing) orphans_.clear();
    if (answer.error().code == ErrorCode::kUnauthorized) settings_.access->Refused();
    TellConnection(false, missing ? "queue " + settings_.queue + " does not exist" : answer.error().message);
    try_at_ = RetryAt();
    return;
  }
  const auto subscription = DecodeSubscription(*answer);
  if (!subscription.ok()) {
    broken_ = subscription.error().message;
    return;
  }
  if (subscription->ack_deadline_s > 0) lease_s_ = subscription->ack_deadline_s;
  failures_ = 0;
  phase_ = Phase::kReady;
  pull_at_ = ack_at_ = keep_at_ = {};
  report_due_ = true;
  TellConnection(true, "");
  Modify(std::exchange(orphans_, {}), 0);
}

SteadyTime Consumer::RetryAt() {
  const auto longest =
      std::min(settings_.reconnect_max, settings_.reconnect_min * (1 << std::min(failures_, kDoublingsMax)));
  ++failures_;
  const double factor = 0.5 + random_.Unit();
  return clock_.Steady() + std::chrono::duration_cast<SteadyTime::duration>(longest * factor);
}

// What a call that failed means for the connection; what is only refused for now is tried again by whoever asked.
void Consumer::Trouble(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      broken_ = "queue " + settings_.queue + " was removed";
      return;
    case ErrorCode::kUnauthorized:
      settings_.access->Refused();
      broken_ = error.message;
      return;
    case ErrorCode::kForbidden:
    case ErrorCode::kTimeout:
    case ErrorCode::kInvalid:
      broken_ = error.message;
      return;
    default:
      return;
  }
}

void Consumer::Lose(const std::string& reason) {
  broken_.reset();
  phase_ = Phase::kAway;
  for (auto& [tag, lease] : leases_) {
    memory_.LostLease(lease.message_id, lease.crashes);
    if (orphans_.size() < kHeldMax && !lease.early) orphans_.push_back(std::move(lease.ack_id));
  }
  leases_.clear();
  early_.clear();
  deliveries_.clear();
  pulls_.clear();
  acks_.clear();  // what is settled is remembered, and acknowledged when it comes again
  ack_calls_ = 0;
  credits_ = 0;
  kept_bytes_ = 0;
  report_under_way_ = false;
  idle_since_.reset();
  channel_.reset();
  former_.reset();
  publishing_.reset();
  try_at_ = RetryAt();
  TellConnection(false, reason);
}

void Consumer::TellConnection(bool connected, const std::string& reason) {
  // The same trouble is told once, not at each try.
  if (!connected && told_ == reason) return;
  told_ = connected ? std::nullopt : std::optional<std::string>(reason);
  if (!stopping_) events_->OnConnection(connected, reason);
}

void Consumer::Turn() {
  TellDue();
  if (!deliveries_.empty()) events_->OnDeliveries(std::exchange(deliveries_, {}));
  KeepLeases();
  publishing_->Pump();
  SendAcks();
  SendPulls();
  SendReport();
  const Status flushed = channel_->Flush();
  if (!flushed.ok() && !broken_) broken_ = flushed.error().message;
}

// Not in the way of anything: at most one is under way.
void Consumer::SendReport() {
  const SteadyTime now = clock_.Steady();
  if (report_under_way_ || (now < report_at_ && !stopping_)) return;
  const bool last = stopping_ && leases_.empty() && publishing_->idle() && acks_.empty() && ack_calls_ == 0;
  if (!untold_) {
    const bool alive = now >= report_at_ + kAliveReport && (!leases_.empty() || idle_since_);
    if (!(report_due_ || alive || !report_.changes.empty() || (last && !said_goodbye_))) return;
    ++report_.number;
    report_.leased = static_cast<std::int64_t>(leases_.size() - early_.size());
    report_.idle_ms =
        idle_since_ ? std::chrono::duration_cast<std::chrono::milliseconds>(now - *idle_since_).count() : 0;
    report_.ends = last;
    untold_ = EncodeReport(report_);
    report_.changes.clear();
    report_due_ = false;
  }
  report_under_way_ = true;
  report_at_ = now + settings_.report_pause;
  const std::string topic = TopicName(settings_.address.project, kLedger);
  const bool ends = report_.ends;
  channel_->Call(kPublish, EncodePublish(topic, {EncodeMessage(*untold_, {})}), kCheckLimit,
                 [this, ends](const Result<std::string>& answer) {
                   report_under_way_ = false;
                   said_goodbye_ = said_goodbye_ || ends;
                   if (answer.ok()) untold_.reset();
                   if (!answer.ok()) report_at_ = clock_.Steady() + kReportAgain;
                 });
}

SteadyTime Consumer::WakeAt() const {
  SteadyTime until = stopping_ ? stop_by_ : SteadyTime::max();
  if (phase_ == Phase::kAway || phase_ == Phase::kChecking) until = std::min(until, try_at_);
  if (channel_ != nullptr) until = std::min(until, channel_->deadline());
  if (former_ != nullptr) until = std::min(until, former_->deadline());
  if (phase_ != Phase::kReady) return until;
  if (!leases_.empty()) until = std::min(until, keep_at_);
  if (Wanted() > 0 && pulls_.size() < kPullsMax) until = std::min(until, pull_at_);
  if (!acks_.empty() && ack_calls_ < kAckCallsMax) until = std::min(until, ack_at_);
  if (!early_.empty() && credits_ > 0) {
    until = std::min(until, clock_.Steady() + std::max(early_.begin()->first - clock_.Now(), WallTime::duration(0)));
  }
  if (!report_under_way_) {
    if (untold_ || report_due_ || !report_.changes.empty()) until = std::min(until, report_at_);
    if (!leases_.empty() || idle_since_) until = std::min(until, report_at_ + kAliveReport);
  }
  return until;
}

void Consumer::Wait() {
  std::vector<pollfd> sockets;
  for (const Channel* channel : {channel_.get(), former_.get()}) {
    const bool there = channel != nullptr && channel->fd() >= 0;
    const int events = there && channel->wants_write() ? POLLIN | POLLOUT : POLLIN;
    sockets.push_back(pollfd{there ? channel->fd() : -1, static_cast<short>(events), 0});
  }
  loop_.Wait(sockets, WakeAt());
  constexpr int kReadable = POLLIN | POLLHUP | POLLERR;
  readable_ = (sockets[0].revents & kReadable) != 0;
  former_readable_ = (sockets[1].revents & kReadable) != 0;
}

void Consumer::BeginStop(std::chrono::milliseconds grace) {
  stopping_ = true;
  stop_by_ = clock_.Steady() + grace;
  if (phase_ != Phase::kReady) return;
  deliveries_.clear();
  credits_ = 0;
  for (const auto& [number, pull] : std::exchange(pulls_, {})) pull.channel->Cancel(pull.call);
  early_.clear();
  std::vector<ports::DeliveryTag> unsettled;
  for (auto& [tag, lease] : leases_) {
    lease.early = false;
    if (!lease.settling) unsettled.push_back(tag);
  }
  for (const ports::DeliveryTag tag : unsettled) GiveBack(tag, leases_.at(tag), false);
}

bool Consumer::MayEnd() const {
  if (!stopping_) return false;
  if (phase_ != Phase::kReady || clock_.Steady() >= stop_by_) return true;
  return said_goodbye_ && leases_.empty();
}

}  // namespace asya::transports::pubsub
