// The consumer's thread: finding its queue for ever, and one turn after another.
#include <algorithm>
#include <utility>

#include "transports/sqs/consumer.h"

namespace asya::transports::sqs {
namespace {

constexpr int kDoublingsMax = 16;                       // of the time between two tries
constexpr std::chrono::milliseconds kPollGoodbye{500};  // for polls that may be about to bring something
constexpr std::chrono::milliseconds kDeleteLinger{50};
constexpr std::chrono::milliseconds kRenewLinger{10};
}  // namespace

void Consumer::Work() {
  while (!MayEnd()) {
    for (const auto& letter : mailbox_.Take()) letter();
    if (phase_ == Phase::kAway && !stopping_ && clock_.Steady() >= try_at_) Connect();
    if (phase_ == Phase::kReady) Turn();
    calls_.Turn();
    if (phase_ == Phase::kReady && IsLost() && !broken_) broken_ = "SQS does not answer";
    if (broken_) {
      Lose(*std::exchange(broken_, std::nullopt));
      continue;
    }
    if (!MayEnd()) Wait();
  }
  for (const auto& letter : mailbox_.Take()) letter();
  outlets_.Fail(Fail(ErrorCode::kClosed, "the consumer has ended"));
  calls_.CancelAll();
}

void Consumer::Connect() {
  phase_ = Phase::kAsking;
  CallPolicy once;
  once.attempts = 1;
  once.keeps_leases = true;
  calls_.Begin(Action::kGetQueueUrl, QueueUrlRequest(settings_.queue, settings_.service.account_id), once,
               [this](const Result<std::string>& answer) {
                 const Result<std::string> url = answer.ok() ? ReadQueueUrl(*answer) : answer;
                 if (url.ok()) return Connected(*url);
                 phase_ = Phase::kAway;
                 try_at_ = RetryAt();
                 const bool missing = url.error().code == ErrorCode::kNotFound;
                 TellConnection(false, missing ? "queue " + settings_.queue + " does not exist" : url.error().message);
               });
}

void Consumer::Connected(const std::string& url) {
  url_ = url;
  failures_ = 0;
  phase_ = Phase::kReady;
  BatchSettings deletes{Action::kDeleteMessageBatch, url, kDeleteLinger};
  BatchSettings visibilities{Action::kChangeMessageVisibilityBatch, url, kRenewLinger};
  deletes.keeps_leases = visibilities.keeps_leases = true;
  deletes_ = std::make_unique<Batches>(std::move(deletes), calls_, clock_);
  visibilities_ = std::make_unique<Batches>(std::move(visibilities), calls_, clock_);
  polls_.Clear();
  TellConnection(true, "");
}

SteadyTime Consumer::RetryAt() {
  const auto longest =
      std::min(settings_.reconnect_max, settings_.reconnect_min * (1 << std::min(failures_, kDoublingsMax)));
  ++failures_;
  return clock_.Steady() + std::chrono::duration_cast<SteadyTime::duration>(longest * (0.5 + random_.Unit()));
}

// A lease that could not be renewed for as long as it lasts, or nothing at all for that long.
bool Consumer::IsLost() const {
  const auto since = calls_.failing_since();
  if (!since) return false;
  const SteadyTime now = clock_.Steady();
  if (now >= *since + settings_.visibility) return true;
  return std::any_of(leases_.begin(), leases_.end(), [&](const auto& lease) { return now >= lease.second.expires_at; });
}

void Consumer::Lose(const std::string& reason) {
  broken_.reset();
  if (phase_ == Phase::kReady) {
    for (const auto& [tag, lease] : leases_) {
      if (!lease.settled) Remember(lease);
    }
  }
  phase_ = Phase::kAway;
  leases_.clear();
  deliveries_.clear();
  suspect_.reset();
  kept_bytes_ = working_ = 0;
  polls_.Clear();
  // Whoever waits for an output finds its lease gone.
  outlets_.Fail(Fail(ErrorCode::kUnavailable, reason));
  deletes_.reset();
  visibilities_.reset();
  calls_.CancelAll();
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
  KeepLeases();
  Poll();
  if (!deliveries_.empty()) events_->OnDeliveries(std::exchange(deliveries_, {}));
  // Nobody works: nothing will come that a batch could wait for.
  const bool hurry = working_ == 0 || stopping_;
  outlets_.Turn(hurry);
  deletes_->Turn(hurry);
  visibilities_->Turn(stopping_);
}

void Consumer::Wait() {
  constexpr std::chrono::hours kLongest{1};
  const SteadyTime now = clock_.Steady();
  SteadyTime until = now + kLongest;
  if (stopping_) until = now < polls_by_ ? polls_by_ : stop_by_;
  if (phase_ == Phase::kAway) until = std::min(until, try_at_);
  until = std::min(until, calls_.deadline());
  if (phase_ == Phase::kReady) {
    until = std::min({until, outlets_.deadline(), deletes_->deadline(), visibilities_->deadline()});
    if (!stopping_) until = std::min(until, polls_.deadline(now));
    for (const auto& [tag, lease] : leases_) {
      until = std::min(until, lease.renewing ? lease.expires_at : std::min(lease.renew_at, lease.expires_at));
    }
    if (const auto since = calls_.failing_since()) until = std::min(until, *since + settings_.visibility);
  }
  transfers_.Turn(std::chrono::ceil<std::chrono::milliseconds>(std::max(until - now, SteadyTime::duration(0))));
}

void Consumer::BeginStop(std::chrono::milliseconds grace) {
  stopping_ = true;
  stop_by_ = clock_.Steady() + grace;
  polls_by_ = std::min(stop_by_, clock_.Steady() + kPollGoodbye);
  if (phase_ != Phase::kReady) return;
  deliveries_.clear();
  suspect_.reset();
  polls_.Revoke();
  std::vector<ports::DeliveryTag> unsettled;
  for (const auto& [tag, lease] : leases_) {
    if (!lease.settling && !lease.settled) unsettled.push_back(tag);
  }
  for (const ports::DeliveryTag tag : unsettled) GiveBack(tag, false);
}

bool Consumer::MayEnd() const {
  if (!stopping_) return false;
  const SteadyTime now = clock_.Steady();
  if (phase_ != Phase::kReady || now >= stop_by_) return true;
  const bool is_quiet = leases_.empty() && outlets_.idle() && deletes_->idle() && visibilities_->idle();
  return is_quiet && (polls_.empty() || now >= polls_by_);
}

}  // namespace asya::transports::sqs
