// Taking messages in: parse, adopt, line up, begin; and giving back.
#include <algorithm>
#include <utility>

#include "relay/admit.h"
#include "relay/claimed_queue.h"
#include "relay/relay.h"

namespace asya::relay {
namespace {

double Seconds(std::chrono::microseconds time) { return static_cast<double>(time.count()) / 1e6; }

// What died beside others and goes back is run alone wherever it comes next, which only a count tells.
ports::Settlement Returned(const Job& job) {
  ports::Settlement settlement;
  settlement.tag = job.tag;
  settlement.action = ports::Settlement::Action::kGiveBack;
  settlement.crash_count = std::max<std::int64_t>(job.crashes, job.suspect ? 1 : 0);
  return settlement;
}

}  // namespace

void Relay::OnDeliveries(std::vector<ports::Delivery> deliveries) {
  const auto credited =
      std::count_if(deliveries.begin(), deliveries.end(), [](const auto& d) { return d.uses_credit; });
  std::size_t granted = std::exchange(granted_, granted_ - std::min(granted_, static_cast<std::size_t>(credited)));
  // What was granted before these were known is too much by them.
  if (granted_ > 0 && static_cast<std::size_t>(credited) < deliveries.size()) {
    parts_.queue.RevokeCredits();
    granted_ = 0;
  }
  parts_.metrics.receive.Observe(Seconds(parts_.clock.Now() - granted_at_));
  for (ports::Delivery& delivery : deliveries) {
    // Without a credit that counts: it was under way when they were revoked.
    const bool uninvited = delivery.uses_credit && granted == 0;
    if (delivery.uses_credit && granted > 0) --granted;
    Take(std::move(delivery), uninvited);
  }
}

void Relay::Take(ports::Delivery delivery, bool uninvited) {
  const WallTime now = parts_.clock.Now();
  parts_.metrics.received.Add();
  parts_.metrics.size_in.Observe(static_cast<double>(delivery.body.size()));
  parts_.metrics.queue_wait.Observe(Seconds(std::max(now - delivery.enqueued_at, std::chrono::microseconds(0))));
  if (delivery.crash_count > 0) parts_.metrics.redeliveries.Add();
  auto job = std::make_unique<Job>();
  const Status read = model::ReadEnvelope(delivery.body, job->envelope);
  if (read.ok() && Adopt(delivery, job->envelope)) return;
  job->number = next_job_++;
  job->tag = delivery.tag;
  job->crashes = delivery.crash_count;
  if (!known_crashes_.empty()) job->crashes = std::max(job->crashes, known_crashes_.Take(job->Key()));
  job->suspect = job->crashes > 0;
  job->enqueued_at = delivery.enqueued_at;
  job->received_at = now;
  job->body = std::move(delivery.body);
  by_tag_[job->tag.get()] = job->number;
  if (!read.ok()) {
    const Error& error = read.error();
    TakeMalformed(std::move(job), (error.field.empty() ? "" : error.field + ": ") + error.message);
    return;
  }
  if (!job->envelope.as_written) job->body.clear();  // a runtime is stricter than we are
  if (job->envelope.headers.find("traceparent") == job->envelope.headers.end()) {
    job->envelope.headers["traceparent"] = "00-" + RandomHex(16) + "-" + RandomHex(8) + "-01";
    job->body.clear();
  }
  Job& taken = *jobs_.emplace(job->number, std::move(job)).first->second;
  if (const auto problem = ClaimedQueue::TakeProblem(taken.envelope)) {
    EndWith(taken, {"failed", "RuntimeError", ErrorValue({problem->field, {}, problem->message, ""})});
  } else if (!MayWait(taken)) {
    GiveBack(taken);
  } else if ((away_ > 0 || uninvited) && unfinished() >= credits_.limit()) {
    ReturnFound(taken);
  } else {
    lineup_.Add(taken.number, taken.suspect);
  }
}

// A message whose outcome is known, or is being worked out, was lost with the connection and has come again.
bool Relay::Adopt(const ports::Delivery& delivery, const model::Envelope& envelope) {
  if (orphans_.empty()) return false;
  const auto found = orphans_.find(AttemptKey(envelope));
  if (found == orphans_.end()) return false;
  Job* job = Find(found->second);
  orphans_.erase(found);
  job->tag = delivery.tag;
  job->leased = true;
  if (job->stage == Stage::kRunning) --away_;
  if (job->settlement != nullptr) {
    ports::Settlement settlement = *job->settlement;
    settlement.tag = delivery.tag;
    job->settlement = std::make_shared<const ports::Settlement>(std::move(settlement));
  }
  by_tag_[delivery.tag.get()] = job->number;
  parts_.logger.Info("kept the work of a message that came again", {{"id", job->envelope.id}});
  if (job->stage == Stage::kSettling || job->stage == Stage::kPausing) Settle(*job);
  return true;
}

void Relay::TakeMalformed(std::unique_ptr<Job> job, const std::string& problem) {
  Job& taken = *jobs_.emplace(job->number, std::move(job)).first->second;
  parts_.logger.Error("a message that is no envelope", {{"problem", problem}, {"bytes", taken.body.size()}});
  Letter letter = RawLetter(taken.body, problem, parts_.queue.MessageLimitBytes(), Here());
  taken.envelope = std::move(letter.envelope);
  std::string bytes = std::exchange(taken.body, {});
  if (IsLastPlace()) return StayInQueue(taken, std::move(bytes));
  parts_.metrics.Failed("ParseError");
  ports::Settlement settlement;
  if (IsSump()) {
    taken.final_report = FinalReport(taken, nullptr);
  } else {
    settlement.publish.push_back(std::move(letter.message));
  }
  Conclude(taken, std::move(settlement), "error", "sump");
}

void Relay::BeginCalls() {
  while (CanCall()) {
    const std::size_t busy = beginning_ + begun_.size() + running_;
    const std::size_t ahead = lineup_.has_suspects() ? 0 : credits_.ahead();
    const auto next = lineup_.Next(busy, static_cast<std::size_t>(settings_.concurrency) + ahead);
    if (!next) return;
    if (Job* job = Find(*next); job != nullptr) Begin(*job);
  }
}

void Relay::Begin(Job& job) {
  const std::int64_t limit = std::max(settings_.resiliency.MaxAttempts(), limits_.least_crash_limit);
  if (job.crashes >= limit) {
    lineup_.Ended(job.number);
    std::string what = "the worker died " + std::to_string(job.crashes) + " times in the middle of this call";
    if (!job.last_end.empty()) what += " (" + job.last_end + ")";
    EndWith(job, {"failed", "RuntimeError", ErrorValue({"RuntimeCrash", {}, what, ""})});
    return;
  }
  if (Refused(job)) return;
  job.stage = Stage::kBeginning;
  ++beginning_;
  parts_.queue.Begin(job.tag, job.crashes + 1);
}

bool Relay::Refused(Job& job) {
  if (settings_.is_end_actor) return false;
  const auto refusal = Admit(job.envelope, settings_.actor, StandingOf(job.envelope), parts_.clock.Now());
  if (!refusal) return false;
  lineup_.Ended(job.number);
  Refuse(job, *refusal);
  return true;
}

void Relay::OnStarted(ports::DeliveryTag tag, Status status) {
  Job* job = Find(tag);
  if (job == nullptr || job->stage != Stage::kBeginning) return;
  --beginning_;
  if (!status.ok()) {
    parts_.logger.Warning("a lease was lost", {{"id", job->envelope.id}, {"reason", status.error().message}});
    lineup_.Ended(job->number);
    LoseLease(*job);
  } else if (!MayWait(*job)) {
    GiveBack(*job);
  } else {
    job->stage = Stage::kBegun;
    begun_.push_back(job->number);
  }
}

void Relay::GrantCredits() {
  if (runtime_.kind != RuntimeState::Kind::kReady || !connected_ || draining_) return;
  const std::size_t leased = unfinished() - away_;
  const std::size_t settling = in_flight() > leased ? in_flight() - leased : 0;
  const bool seeking = seeks_ && away_ > 0;
  const std::size_t open = seeking ? leased : unfinished();
  const std::size_t missing = credits_.Missing(open, settling, granted_);
  // A grant is a message to the broker: a few at a time, unless there is nothing to do.
  const std::size_t least = seeking || open + granted_ == 0 ? 1 : std::max<std::size_t>(1, credits_.limit() / 4);
  if (missing < least) return;
  granted_ += missing;
  granted_at_ = parts_.clock.Now();
  parts_.queue.Grant(missing);
}

void Relay::GiveBack(Job& job) {
  lineup_.Ended(job.number);
  Conclude(job, Returned(job), "given_back", "");
}

// Another's message in place of our own. Where there are many of them, the search costs little and delays few.
void Relay::ReturnFound(Job& job) {
  if (std::exchange(seeks_, false)) {
    seek_timer_.After(seek_pause_, [this] {
      seeks_ = true;
      Pump();
    });
    seek_pause_ = std::min(seek_pause_ * 2, limits_.longest_seek_pause);
  }
  GiveBack(job);
}

void Relay::GiveUp() {
  for (const auto& [number, job] : jobs_) {
    if (job->leased && job->stage != Stage::kSettling) parts_.queue.Settle(Returned(*job));
  }
}

void Relay::GiveBackUnstarted(bool with_suspects) {
  for (const JobNumber number : lineup_.Clear(with_suspects)) {
    if (Job* job = Find(number); job != nullptr) GiveBack(*job);
  }
  std::deque<JobNumber> kept;
  for (const JobNumber number : std::exchange(begun_, {})) {
    Job* job = Find(number);
    if (job == nullptr) continue;
    if (job->suspect && !with_suspects) {
      kept.push_back(number);
    } else {
      GiveBack(*job);
    }
  }
  begun_ = std::move(kept);
}

}  // namespace asya::relay
