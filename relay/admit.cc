#include "relay/admit.h"

namespace asya::relay {

std::optional<WallTime> DeadlineOf(const model::Envelope& envelope) {
  return envelope.status.deadline_at.empty() ? std::nullopt : ParseRfc3339(envelope.status.deadline_at);
}

std::optional<Refusal> Admit(const model::Envelope& envelope, const std::string& actor, Standing standing,
                             WallTime now) {
  if (standing == Standing::kCanceled) {
    return Refusal{"canceled", "PreFlightCanceled", "the task was canceled before this call"};
  }
  const auto deadline = standing == Standing::kEnded ? std::nullopt : DeadlineOf(envelope);
  if (deadline && *deadline <= now) {
    return Refusal{"failed", "Timeout", "deadline_at had passed before the call of " + actor};
  }
  const std::string& curr = envelope.route.curr;
  if (curr != actor && model::RouteTarget(envelope.headers, curr) != actor) {
    return Refusal{"failed", "RouteMismatch", "route.curr is \"" + curr + "\", but this is the queue of " + actor};
  }
  return std::nullopt;
}

}  // namespace asya::relay
