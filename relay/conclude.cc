// What a call led to: the messages that go on, another attempt, or the end.
#include <utility>

#include "relay/admit.h"
#include "relay/relay.h"

namespace asya::relay {

void Relay::Refuse(Job& job, const Refusal& refusal) {
  EndWith(job, {refusal.phase, refusal.reason, ErrorValue({refusal.reason, {}, refusal.message, ""})});
}

void Relay::Replied(Job& job, CallAnswer& answer) {
  switch (answer.outcome) {
    case CallAnswer::Outcome::kFrames:
      Succeeded(job, std::move(answer.frames));
      break;
    case CallAnswer::Outcome::kFailed:
      Attempted(job, answer.error, "RuntimeError");
      break;
    case CallAnswer::Outcome::kRejected:
      EndWith(job, {"failed", "ParseError", ErrorValue(answer.error)});
      break;
  }
}

void Relay::Succeeded(Job& job, std::vector<model::Frame> frames) {
  const bool is_empty = frames.empty();
  auto messages = Forward(job.envelope, std::move(frames), Here());
  if (!messages.ok()) {
    EndWith(job, {"failed", "RouteMismatch", ErrorValue({"RouteError", {}, messages.error().message, ""})});
    return;
  }
  if (const Status size = CheckHeadroom(job, *messages); !size.ok()) {
    EndWith(job, {"failed", "RuntimeError", ErrorValue({"PayloadTooLarge", {}, size.error().message, ""})});
    return;
  }
  ports::Settlement settlement;
  settlement.publish = std::move(*messages);
  if (settings_.is_end_actor) job.final_report = FinalReport(job, nullptr);
  const char* outcome = settings_.is_end_actor ? "end_consumed" : is_empty ? "empty_response" : "success";
  Conclude(job, std::move(settlement), outcome, "routing");
}

// What has been at x-sink is at its end: it may use all of the limit.
Status Relay::CheckHeadroom(const Job& job, const std::vector<ports::Outgoing>& messages) {
  const std::size_t limit = parts_.queue.MessageLimitBytes();
  if (limit == 0 || settings_.is_end_actor || PassedSink(job.envelope, here_)) return Ok();
  for (const ports::Outgoing& message : messages) {
    if (message.body.size() <= ports::OrdinaryLimitBytes(limit)) continue;
    return asya::Fail(ErrorCode::kTooLarge, "a message for " + message.queue + " has " +
                                                std::to_string(message.body.size()) + " bytes; the limit is " +
                                                std::to_string(ports::OrdinaryLimitBytes(limit)));
  }
  return Ok();
}

void Relay::Attempted(Job& job, const HandlerError& error, const std::string& plain_reason) {
  job.error_type = error.type;
  parts_.metrics.runtime_errors.Add(parts_.metrics.queue, error.type);
  Attempt attempt;
  attempt.number = AttemptHere(job.envelope, Here());
  attempt.first_started = FirstAttempt(job.envelope).value_or(job.called_at);
  attempt.now = parts_.clock.Now();
  attempt.deadline = DeadlineFor(job.envelope);
  const Verdict verdict = Decide(settings_.resiliency, error, attempt, plain_reason, parts_.random);
  const json::Value value = ErrorValue(error);
  parts_.logger.Info("a call failed", {{"id", job.envelope.id},
                                       {"type", error.type},
                                       {"attempt", attempt.number},
                                       {"again", verdict.action == Verdict::Action::kRetry}});
  ports::Settlement settlement;
  if (verdict.action == Verdict::Action::kRetry) {
    settlement.action = ports::Settlement::Action::kRetry;
    settlement.retry_body = RetryBody(job.envelope, verdict.max_attempts, attempt.first_started, value, Here());
    settlement.retry_delay = verdict.delay;
    ReportProgress(job, "retrying", 0.5);
    Conclude(job, std::move(settlement), "retried", "");
  } else if (verdict.action == Verdict::Action::kRoute && !settings_.is_end_actor) {
    settlement.publish.push_back(
        RouteTo(job.envelope, verdict.on_exhausted, {"failed", verdict.reason, value}, Here()));
    parts_.metrics.Failed("policy_exhausted");
    Conclude(job, std::move(settlement), "policy_routed", "on_exhausted");
  } else {
    EndWith(job, {"failed", verdict.reason, value});
  }
}

void Relay::EndWith(Job& job, const Ending& ending) {
  parts_.logger.Info("an envelope ends here", {{"id", job.envelope.id}, {"reason", ending.reason}});
  if (IsLastPlace()) {
    const WallTime first_started = FirstAttempt(job.envelope).value_or(parts_.clock.Now());
    StayInQueue(job, RetryBody(job.envelope, job.envelope.status.max_attempts, first_started, ending.error, Here()));
    return;
  }
  parts_.metrics.Failed(ending.reason);
  ports::Settlement settlement;
  if (settings_.is_end_actor) job.final_report = FinalReport(job, &ending);
  if (!IsSump()) settlement.publish.push_back(Fail(job.envelope, ending, Here()));
  Conclude(job, std::move(settlement), ending.phase == "canceled" ? "preflight_canceled" : "error", "sink");
}

void Relay::StayInQueue(Job& job, std::string body) {
  parts_.logger.Error("no gateway takes the dead letter; it stays in the queue", {{"id", job.envelope.id}});
  const auto& policies = settings_.resiliency.policies;
  const auto found = policies.find("default");
  ports::Settlement settlement;
  settlement.action = ports::Settlement::Action::kRetry;
  settlement.retry_body = std::move(body);
  settlement.retry_delay = (found == policies.end() ? Policy{} : found->second).max_interval;
  Conclude(job, std::move(settlement), "retried", "sump");
}

}  // namespace asya::relay
