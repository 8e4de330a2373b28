// Making an outcome durable, again and again until it is.
#include <algorithm>
#include <utility>

#include "relay/fit.h"
#include "relay/relay.h"

namespace asya::relay {

void Relay::Conclude(Job& job, ports::Settlement settlement, const std::string& outcome,
                     const std::string& message_type) {
  job.has_outcome = true;
  settlement.tag = job.tag;
  job.settlement = std::make_shared<const ports::Settlement>(std::move(settlement));
  job.outcome = outcome;
  job.message_type = message_type;
  job.settle_attempts = 0;
  job.settled_from = parts_.clock.Now();
  if (job.final_report.empty() || parts_.reporter == nullptr) {
    Settle(job);
    return;
  }
  job.stage = Stage::kConfirming;
  parts_.reporter->Confirm(std::exchange(job.final_report, {}), [this, number = job.number] {
    if (Job* confirmed = Find(number); confirmed != nullptr) Settle(*confirmed);
  });
}

void Relay::Settle(Job& job) {
  job.stage = Stage::kSettling;
  if (job.leased) {
    parts_.queue.Settle(job.settlement);
  } else {
    job.orphaned_at = parts_.clock.Steady();
    // Not here, where the job is in use.
    orphan_timer_.After(std::chrono::microseconds(0), [this] { ForgetOrphans(); });
  }
}

void Relay::OnSettled(ports::DeliveryTag tag, Status status) {
  Job* job = Find(tag);
  if (job == nullptr || job->stage != Stage::kSettling) return;
  if (status.ok()) {
    Settled(*job);
  } else {
    SettleFailed(*job, status.error());
  }
}

void Relay::Settled(Job& job) {
  const auto seconds = [](std::chrono::microseconds time) { return static_cast<double>(time.count()) / 1e6; };
  const WallTime now = parts_.clock.Now();
  parts_.metrics.send.Observe(seconds(now - job.settled_from));
  if (job.outcome != "given_back") {
    parts_.metrics.Processed(job.outcome);
    parts_.metrics.processing.Observe(seconds(now - job.received_at));
    for (const ports::Outgoing& message : job.settlement->publish) {
      parts_.metrics.sent.Add(message.queue, job.message_type);
      parts_.metrics.size_out.Observe(static_cast<double>(message.body.size()));
    }
    Trace(job, now);
    if (job.outcome == "success" || job.outcome == "empty_response") ReportProgress(job, "completed", 1.0);
  }
  Erase(job.number);
}

void Relay::SettleFailed(Job& job, const Error& error) {
  if (error.code == ErrorCode::kConflict || error.code == ErrorCode::kClosed) {
    parts_.logger.Warning("a lease was lost", {{"id", job.envelope.id}, {"reason", error.message}});
    parts_.metrics.Failed("lease_lost");
    LoseLease(job);
    return;
  }
  parts_.logger.Warning("a settlement failed", {{"id", job.envelope.id},
                                                {"code", ErrorCodeName(error.code)},
                                                {"queue", error.field},
                                                {"attempt", job.settle_attempts + 1}});
  const bool at_end = job.message_type == "sink" || job.message_type == "sump";
  if (error.code == ErrorCode::kTooLarge) {
    Shrink(job, error);
  } else if (error.code == ErrorCode::kInvalid) {
    NeverTaken(job, error);
  } else if (error.code == ErrorCode::kUnroutable && !at_end &&
             job.settle_attempts + 1 >= limits_.unroutable_attempts &&
             error.field != model::QueueName(settings_.namespace_, settings_.sink)) {
    EndWith(job, {"failed", "Unroutable", ErrorValue({"Unroutable", {}, "no queue " + error.field, ""})});
  } else {
    PauseSettling(job);
  }
}

// Nothing is lost and nothing waits for ever for a message that the queue will never take. Each round is smaller than
// the one before, so that it ends.
void Relay::Shrink(Job& job, const Error& error) {
  ports::Settlement settlement = *job.settlement;
  const bool at_end = (job.message_type == "sink" || job.message_type == "sump") && settlement.publish.size() == 1;
  const bool is_retry = settlement.action == ports::Settlement::Action::kRetry;
  if (at_end || is_retry || job.message_type == "on_exhausted") {
    std::string& body = is_retry ? settlement.retry_body : settlement.publish.front().body;
    const std::size_t limit = parts_.queue.MessageLimitBytes();
    const bool limit_tells = limit > kOnwardBytes && body.size() > limit - kOnwardBytes;
    const std::size_t wanted = limit_tells ? limit - kOnwardBytes : body.size() / 2;
    const std::size_t size = body.size();
    std::string fitted = at_end ? FitFailure(body, wanted) : FitError(body, wanted).value_or("");
    if (!fitted.empty() && fitted.size() < size) {
      parts_.logger.Warning("a message was cut to fit its queue",
                            {{"id", job.envelope.id}, {"bytes", size}, {"kept", fitted.size()}});
      parts_.metrics.Failed("cut");
      body = std::move(fitted);
      job.settlement = std::make_shared<const ports::Settlement>(std::move(settlement));
      Settle(job);
      return;
    }
  }
  if (at_end || job.message_type == "sump") {
    PauseSettling(job);
  } else {
    EndWith(job, {"failed", "RuntimeError", ErrorValue({"PayloadTooLarge", {}, error.message, ""})});
  }
}

// What would be refused at each try is not tried again: the envelope fails instead. Where not even the failure is
// taken, its bytes go to x-sump under a name of ours.
void Relay::NeverTaken(Job& job, const Error& error) {
  using Action = ports::Settlement::Action;
  const auto& publish = job.settlement->publish;
  const bool failed = job.message_type == "sink";
  if (job.settlement->action == Action::kGiveBack || job.message_type == "sump" || (failed && publish.empty())) {
    PauseSettling(job);
    return;
  }
  const std::string refused = "refused by the queue: " + (error.field.empty() ? "" : error.field + " ") + error.message;
  if (!failed) {
    const char* reason = job.settlement->action == Action::kRetry ? "RuntimeError" : "Unroutable";
    EndWith(job, {"failed", reason, ErrorValue({reason, {}, refused, ""})});
    return;
  }
  parts_.metrics.Failed("refused");
  Letter letter = RawLetter(publish.front().body, "the failure of " + job.envelope.id + " was " + refused,
                            parts_.queue.MessageLimitBytes(), Here());
  ports::Settlement settlement;
  settlement.publish.push_back(std::move(letter.message));
  Conclude(job, std::move(settlement), job.outcome, "sump");
}

void Relay::PauseSettling(Job& job) {
  const int doublings = std::min(job.settle_attempts++, 16);
  const auto longest = std::chrono::duration_cast<std::chrono::microseconds>(limits_.longest_settle_pause);
  const auto pause =
      std::min(longest, std::chrono::microseconds(limits_.first_settle_pause) * (std::int64_t{1} << doublings));
  job.stage = Stage::kPausing;
  auto& timer = settle_timers_[job.number];
  if (timer == nullptr) timer = std::make_unique<Timer>(parts_.reactor);
  timer->After(pause, [this, number = job.number] {
    if (Job* waiting = Find(number); waiting != nullptr && waiting->stage == Stage::kPausing) Settle(*waiting);
  });
}

// The lease is lost, the work is not: the message will come again.
void Relay::Park(Job& job) {
  job.leased = false;
  if (job.stage == Stage::kRunning) ++away_;
  job.orphaned_at = parts_.clock.Steady();
  if (job.stage == Stage::kPausing) job.stage = Stage::kSettling;
  orphans_.emplace(job.Key(), job.number);
}

void Relay::Unpark(const Job& job) {
  const auto [begin, end] = orphans_.equal_range(job.Key());
  const auto found = std::find_if(begin, end, [&](const auto& orphan) { return orphan.second == job.number; });
  if (found != end) orphans_.erase(found);
}

// Those that have waited for too long where their messages could come and, the oldest first, what is over the bounds.
// Calls that still run are kept: there are no more of them than concurrency allows.
void Relay::ForgetOrphans() {
  std::vector<Job*> waiting;
  std::size_t bytes = 0;
  for (const auto& [key, number] : orphans_) {
    Job* job = Find(number);
    if (job->stage == Stage::kRunning) continue;
    waiting.push_back(job);
    bytes += job->Bytes();
  }
  std::sort(waiting.begin(), waiting.end(), [](const Job* left, const Job* right) {
    return std::pair(left->orphaned_at, left->number) < std::pair(right->orphaned_at, right->number);
  });
  const SteadyTime now = parts_.clock.Steady();
  std::size_t left = waiting.size();
  for (Job* job : waiting) {
    const auto until = std::max(job->orphaned_at, connected_at_) + limits_.orphan_life;
    if ((!connected_ || until > now) && left <= limits_.orphans && bytes <= limits_.orphan_bytes) {
      if (!connected_) return;
      orphan_timer_.After(std::chrono::ceil<std::chrono::microseconds>(until - now), [this] { ForgetOrphans(); });
      return;
    }
    --left;
    bytes -= job->Bytes();
    Unpark(*job);
    Erase(job->number);
  }
}

void Relay::LoseLease(const Job& job) {
  const bool is_known = job.has_outcome && job.outcome != "given_back";  // then it has not died of its last call
  if (!is_known && (job.crashes > 0 || job.suspect)) {
    known_crashes_.Keep(job.Key(), std::max<std::int64_t>(job.crashes, 1));
  }
  Erase(job.number);
}

void Relay::Erase(JobNumber number) {
  const auto found = jobs_.find(number);
  if (found == jobs_.end()) return;
  if (found->second->leased) by_tag_.erase(found->second->tag.get());
  settle_timers_.erase(number);
  jobs_.erase(found);
}

}  // namespace asya::relay
