#include "relay/relay.h"

#include <utility>

#include "model/claim.h"

namespace asya::relay {

Relay::Relay(const Settings& settings, const RelayLimits& limits, RelayParts parts, WallTime started_at)
    : settings_(settings),
      here_{settings.namespace_, settings.actor, settings.sink, settings.sump, settings.is_end_actor, {}},
      limits_(limits),
      parts_(std::move(parts)),
      started_at_(started_at),
      credits_(static_cast<std::size_t>(settings.concurrency)),
      call_pause_(limits.first_call_pause),
      seek_pause_(limits.first_seek_pause),
      hold_timer_(parts_.reactor),
      patience_timer_(parts_.reactor),
      orphan_timer_(parts_.reactor),
      seek_timer_(parts_.reactor) {
  // The ends of every route are tried again even where nobody has written a policy for them.
  if (settings_.is_end_actor) settings_.resiliency.policies.try_emplace("default");
}

void Relay::OnConnection(bool connected, const std::string& reason) {
  const bool was_connected = std::exchange(connected_, connected);
  if (connected && !was_connected && std::exchange(has_connected_, true)) parts_.metrics.reconnects.Add();
  connection_reason_ = reason;
  granted_ = 0;
  seeks_ = connected;
  seek_pause_ = limits_.first_seek_pause;
  seek_timer_.Cancel();
  if (connected) {
    connected_at_ = parts_.clock.Steady();
  } else {
    parts_.logger.Warning("connection to the queue lost", {{"reason", reason}});
    lineup_.Clear(true);
    begun_.clear();
    beginning_ = 0;
    by_tag_.clear();
    std::vector<const Job*> gone;
    for (auto& [number, job] : jobs_) {
      if (!job->leased) continue;
      if (job->stage == Stage::kRunning || (job->has_outcome && job->outcome != "given_back")) {
        Park(*job);
      } else {
        gone.push_back(job.get());
      }
    }
    for (const Job* job : gone) {
      lineup_.Ended(job->number);
      LoseLease(*job);
    }
  }
  ForgetOrphans();
}

void Relay::RuntimeChanged(const RuntimeState& state) {
  const bool was_ready = runtime_.kind == RuntimeState::Kind::kReady;
  runtime_ = state;
  HeardOfWorker(state.last_end);
  if (state.kind == RuntimeState::Kind::kReady) {
    if (!ready_at_) ready_at_ = parts_.clock.Now();
    patience_timer_.Cancel();
    hold_timer_.Cancel();
    holding_ = false;
    call_pause_ = limits_.first_call_pause;
  } else {
    if (was_ready) {
      parts_.queue.RevokeCredits();
      granted_ = 0;
    }
    const bool has_failed = state.kind == RuntimeState::Kind::kFailed;
    if (has_failed) {
      patience_timer_.Cancel();
    } else if (was_ready) {
      // A worker that is started again is back in a moment, and then knows which messages to run alone.
      patience_timer_.After(limits_.suspect_patience, [this] { GiveBackUnstarted(true); });
    }
    GiveBackUnstarted(has_failed);
  }
  Pump();
}

void Relay::Drain(std::function<void()> on_idle) {
  on_idle_.push_back(std::move(on_idle));
  if (!draining_) {
    draining_ = true;
    parts_.logger.Info("draining", {{"in_flight", in_flight()}, {"running", running_}});
    parts_.queue.RevokeCredits();
    granted_ = 0;
    GiveBackUnstarted(true);
  }
  Changed();
}

Relay::Readiness Relay::readiness() const {
  if (draining_) return {false, "draining"};
  if (runtime_.kind != RuntimeState::Kind::kReady) {
    return {false, runtime_.text, runtime_.kind == RuntimeState::Kind::kFailed};
  }
  if (!connected_) return {false, "no connection to the queue: " + connection_reason_};
  return {true, "ready"};
}

void Relay::Pump() {
  BeginCalls();
  CallBegun();
  GrantCredits();
  Changed();
}

bool Relay::CanCall() const {
  return runtime_.kind == RuntimeState::Kind::kReady && connected_ && !draining_ && !holding_;
}

bool Relay::MayWait(const Job& job) const {
  const bool awaits_worker = job.suspect && patience_timer_.pending();
  return !draining_ && (runtime_.kind == RuntimeState::Kind::kReady || awaits_worker);
}

const Place& Relay::Here() {
  here_.now = parts_.clock.Now();
  return here_;
}

Standing Relay::StandingOf(const model::Envelope& envelope) const {
  if (PassedSink(envelope, here_)) return Standing::kEnded;
  if (parts_.cancellations == nullptr) return Standing::kOpen;
  const auto canceled = [this](const std::string& id) { return !id.empty() && parts_.cancellations->IsCanceled(id); };
  const bool of_canceled = canceled(envelope.id) || canceled(envelope.parent_id) || canceled(model::RootOf(envelope));
  if (of_canceled) return Standing::kCanceled;
  return Standing::kOpen;
}

std::optional<WallTime> Relay::DeadlineFor(const model::Envelope& envelope) const {
  const bool has_ended = settings_.is_end_actor || PassedSink(envelope, here_);
  return has_ended ? std::nullopt : DeadlineOf(envelope);
}

Job* Relay::Find(ports::DeliveryTag tag) {
  const auto found = by_tag_.find(tag.get());
  return found == by_tag_.end() ? nullptr : Find(found->second);
}

Job* Relay::Find(JobNumber number) {
  const auto found = jobs_.find(number);
  return found == jobs_.end() ? nullptr : found->second.get();
}

}  // namespace asya::relay
