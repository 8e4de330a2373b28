#include "relay/claimed_queue.h"

#include <algorithm>
#include <utility>

#include "ports/claim_marks.h"
#include "ports/claim_payload.h"
#include "relay/admit.h"

namespace asya::relay {
namespace {

constexpr const char* kProblem = "x-asya-claim-problem";  // in the status of a delivery, from here to the relay

// Its payload was looked for in vain before: it is on its way to the dead letters.
bool IsGivenUp(const model::Envelope& envelope) {
  if (envelope.status.phase != "failed" || envelope.status.error.IsNull()) return false;
  const auto type = envelope.status.error.GetString("type");
  return type == kPayloadLost || type == kPayloadUnavailable;
}

// What has ended, and is on its way to whoever tells of it, has all the time.
bool IsOver(const model::Envelope& envelope) {
  const std::string& phase = envelope.status.phase;
  if (phase == "succeeded" || phase == "failed" || phase == "canceled") return false;
  const auto deadline = DeadlineOf(envelope);
  return deadline && *deadline <= RealClock().Now();
}

bool IsLost(const Error& error) { return error.code == ErrorCode::kNotFound || error.code == ErrorCode::kInvalid; }

observe::Counter Failures(observe::Metrics& metrics, const std::string& prefix, const char* operation) {
  return metrics.MakeCounter(prefix + "_claim_failures_total", "Calls of the claim store that failed",
                             {{"operation", operation}});
}

}  // namespace

ClaimedQueue::ClaimedQueue(ClaimParts parts, const ClaimLimits& limits)
    : parts_(std::move(parts)),
      limits_(limits),
      written_(parts_.metrics.MakeCounter(parts_.metric_prefix + "_claims_written_total",
                                          "Payloads written to the claim store")),
      written_bytes_(parts_.metrics.MakeCounter(parts_.metric_prefix + "_claim_written_bytes_total",
                                                "Bytes of payloads written to the claim store")),
      reused_(parts_.metrics.MakeCounter(parts_.metric_prefix + "_claims_reused_total",
                                         "Payloads that were in the claim store already")),
      read_(parts_.metrics.MakeCounter(parts_.metric_prefix + "_claims_read_total",
                                       "Payloads read from the claim store")),
      read_bytes_(parts_.metrics.MakeCounter(parts_.metric_prefix + "_claim_read_bytes_total",
                                             "Bytes of payloads read from the claim store")),
      write_failures_(Failures(parts_.metrics, parts_.metric_prefix, "write")),
      read_failures_(Failures(parts_.metrics, parts_.metric_prefix, "read")),
      mark_failures_(Failures(parts_.metrics, parts_.metric_prefix, "mark")),
      held_gauge_(parts_.metrics.MakeGauge(parts_.metric_prefix + "_claim_held_bytes",
                                           "Bytes of fetched payloads whose messages are not settled")),
      readers_(limits.readers, limits.waiting),
      writers_(limits.writers, limits.waiting) {}

std::optional<Error> ClaimedQueue::TakeProblem(model::Envelope& envelope) {
  const auto found = envelope.status.extra.find(kProblem);
  if (found == envelope.status.extra.end()) return std::nullopt;
  const json::Value problem = std::move(found->second);
  envelope.status.extra.erase(found);
  if (!problem.IsObject()) return std::nullopt;
  return Error{ErrorCode::kUnavailable, problem.GetString("message").value_or(""),
               problem.GetString("type").value_or(kPayloadLost)};
}

ClaimedQueue::~ClaimedQueue() { ClaimedQueue::Stop(std::chrono::milliseconds(0)); }

void ClaimedQueue::Start(ports::ConsumerEvents& events) {
  events_ = &events;
  parts_.queue.Start(*this);
}

void ClaimedQueue::Stop(std::chrono::milliseconds grace) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  stopped_.notify_all();
  const SteadyTime end_by = RealClock().Steady() + grace;
  // The rest is for the settlements of what was written, and for what goes back.
  parts_.store.EndBy(end_by - grace / 2);
  writers_.Stop();
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end_by - RealClock().Steady());
  parts_.queue.Stop(std::clamp(left, grace / 2, grace));
  readers_.Stop();
}

void ClaimedQueue::OnConnection(bool connected, const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
    returning_.clear();
    held_.clear();
    held_bytes_ = 0;
    held_gauge_.Set(0);
    holders_.clear();
    ending_.clear();
  }
  {
    const std::lock_guard lock(crediting_);
    ++revocations_;
    credits_ = 0;
  }
  const std::lock_guard telling(telling_);
  ++connection_;
  events_->OnConnection(connected, reason);
}

void ClaimedQueue::Grant(std::size_t count) {
  const std::lock_guard lock(crediting_);
  credits_ += count;
  parts_.queue.Grant(count);
}

void ClaimedQueue::RevokeCredits() {
  const std::lock_guard lock(crediting_);
  ++revocations_;
  credits_ = 0;
  parts_.queue.RevokeCredits();
}

std::optional<std::uint64_t> ClaimedQueue::UseCredit() {
  const std::lock_guard lock(crediting_);
  if (credits_ == 0) return std::nullopt;  // it was under way when they were revoked
  --credits_;
  return revocations_;
}

// Not after a revocation: its user counts no credit of before any more, and wants no more messages.
void ClaimedQueue::GrantAgain(std::uint64_t credit) {
  const std::lock_guard lock(crediting_);
  if (credit != revocations_) return;
  ++credits_;
  parts_.queue.Grant(1);
}

void ClaimedQueue::OnStarted(ports::DeliveryTag tag, Status status) {
  if (!status.ok()) {
    {
      const std::lock_guard lock(mutex_);
      holders_.erase(tag.get());
    }
    Release(tag);
  }
  const std::lock_guard telling(telling_);
  events_->OnStarted(tag, std::move(status));
}

void ClaimedQueue::OnSettled(ports::DeliveryTag tag, Status status) {
  if (GaveBack(tag, status)) return;
  if (status.ok() || status.error().code == ErrorCode::kConflict || status.error().code == ErrorCode::kClosed) {
    std::optional<Holder> ended;
    {
      const std::lock_guard lock(mutex_);
      holders_.erase(tag.get());
      const auto found = ending_.find(tag.get());
      if (found != ending_.end() && status.ok()) ended = std::move(found->second);
      if (found != ending_.end()) ending_.erase(found);
    }
    // Refused only while it stops, or when the store is away for long: then the payload is kept until it expires.
    if (ended && !writers_.Submit([this, holder = *ended] { MarkEnded(holder); })) mark_failures_.Add();
    Release(tag);
  }
  const std::lock_guard telling(telling_);
  events_->OnSettled(tag, std::move(status));
}

void ClaimedQueue::OnDeliveries(std::vector<ports::Delivery> deliveries) {
  std::vector<ports::Delivery> whole;
  bool any = false;
  for (ports::Delivery& delivery : deliveries) {
    const auto credit = delivery.uses_credit ? UseCredit() : std::nullopt;
    auto fetch = NeedsFetch(delivery);
    if (fetch == nullptr) {
      whole.push_back(std::move(delivery));
      continue;
    }
    fetch->credit = credit;
    any = true;
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(fetch));
  }
  if (any) BeginFetches();
  if (whole.empty()) return;
  const std::lock_guard telling(telling_);
  events_->OnDeliveries(std::move(whole));
}

std::shared_ptr<ClaimedQueue::Fetch> ClaimedQueue::NeedsFetch(ports::Delivery& delivery) {
  if (!model::MayHaveClaim(delivery.body)) return nullptr;
  auto envelope = model::ParseEnvelope(delivery.body);
  if (!envelope.ok()) return nullptr;
  if (model::HoldsClaims(*envelope)) {
    const std::lock_guard lock(mutex_);
    holders_[delivery.tag.get()] = {ports::ClaimFolderName(model::RootOf(*envelope)), envelope->id};
  }
  const auto claim = model::ClaimOf(*envelope);
  if (!claim || IsGivenUp(*envelope)) return nullptr;
  auto fetch = std::make_shared<Fetch>();
  fetch->delivery = std::move(delivery);
  fetch->envelope = std::move(*envelope);
  fetch->claim = *claim;
  fetch->connection = connection_;
  return fetch;
}

void ClaimedQueue::StartThreads() {
  std::call_once(started_, [this] {
    readers_.Start();
    writers_.Start();
  });
}

void ClaimedQueue::BeginFetches() {
  StartThreads();
  const std::lock_guard lock(mutex_);
  while (!waiting_.empty() && !stopping_) {
    const std::size_t bytes = waiting_.front()->claim.bytes;
    if (held_bytes_ > 0 && held_bytes_ + bytes > limits_.held_bytes) return;
    const std::shared_ptr<Fetch> next = std::move(waiting_.front());
    waiting_.pop_front();
    held_[next->delivery.tag.get()] = bytes;
    held_bytes_ += bytes;
    held_gauge_.Set(static_cast<double>(held_bytes_));
    // Refused only while it stops: there is room for more than is ever leased.
    static_cast<void>(readers_.Submit([this, next] { Run(next); }));
  }
}

void ClaimedQueue::Run(const std::shared_ptr<Fetch>& taken) {
  Fetch& fetch = *taken;
  if (fetch.connection != connection_) return;
  auto payload = Read(fetch);
  if (payload.ok()) {
    read_.Add();
    read_bytes_.Add(static_cast<double>(payload->size()));
    model::RestorePayload(fetch.envelope, std::move(*payload));
    fetch.delivery.body = SerializeEnvelope(fetch.envelope);
  } else if (!IsLost(payload.error()) && !IsOver(fetch.envelope)) {
    return GiveBack(taken);
  } else {
    fetch.envelope.status.extra[kProblem] = json::Object{
        {"type", IsLost(payload.error()) ? kPayloadLost : kPayloadUnavailable}, {"message", payload.error().message}};
    fetch.delivery.body = SerializeEnvelope(fetch.envelope);
    parts_.logger.Error("the payload of an envelope could not be had",
                        {{"id", fetch.envelope.id}, {"reason", payload.error().message}});
  }
  const std::lock_guard telling(telling_);
  if (fetch.connection != connection_) return;
  std::vector<ports::Delivery> deliveries;
  deliveries.push_back(std::move(fetch.delivery));
  events_->OnDeliveries(std::move(deliveries));
}

// The envelope is not to blame for a store that is away: it comes again, to whoever may reach it.
void ClaimedQueue::GiveBack(const std::shared_ptr<Fetch>& fetch) {
  parts_.logger.Warning("a message goes back, since the claim store is away", {{"id", fetch->envelope.id}});
  ports::Settlement settlement;
  settlement.tag = fetch->delivery.tag;
  settlement.action = ports::Settlement::Action::kGiveBack;
  {
    const std::lock_guard telling(telling_);
    if (fetch->connection != connection_) return;
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    returning_[settlement.tag.get()] = fetch;
  }
  parts_.queue.Settle(std::move(settlement));
}

bool ClaimedQueue::GaveBack(ports::DeliveryTag tag, const Status& status) {
  // The credit that it came for, however it went: nobody was told of it.
  std::optional<std::uint64_t> credit;
  {
    const std::lock_guard lock(mutex_);
    const auto found = returning_.find(tag.get());
    if (found == returning_.end()) return false;
    const bool gone =
        status.ok() || status.error().code == ErrorCode::kConflict || status.error().code == ErrorCode::kClosed;
    if (gone) {
      holders_.erase(tag.get());
      credit = found->second->credit;
    } else {
      waiting_.push_back(found->second);  // it is still ours
    }
    returning_.erase(found);
    if (!gone) held_bytes_ -= std::exchange(held_[tag.get()], 0);
  }
  Release(tag);
  if (credit) GrantAgain(*credit);
  return true;
}

Result<std::string> ClaimedQueue::Read(const Fetch& fetch) {
  const ports::ClaimKey key{fetch.claim.root, fetch.claim.sha256};
  std::chrono::milliseconds pause = limits_.first_pause;
  for (int attempt = 1;; ++attempt) {
    auto payload = ports::ReadClaim(parts_.store, key, fetch.claim.bytes, limits_.call_timeout);
    if (payload.ok()) return payload;
    read_failures_.Add();
    const int attempts = IsLost(payload.error()) ? limits_.missing_attempts : limits_.read_attempts;
    if (attempt >= attempts || fetch.connection != connection_ || !Pause(pause)) return payload;
    pause = std::min(pause * 2, limits_.longest_pause);
  }
}

bool ClaimedQueue::Pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, time, [this] { return stopping_; });
}

void ClaimedQueue::Release(ports::DeliveryTag tag) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(tag.get());
    if (found == held_.end()) return;
    held_bytes_ -= found->second;
    held_.erase(found);
    held_gauge_.Set(static_cast<double>(held_bytes_));
    if (waiting_.empty()) return;
  }
  BeginFetches();
}

}  // namespace asya::relay
