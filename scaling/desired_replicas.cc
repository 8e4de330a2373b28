#include "scaling/desired_replicas.h"

#include <algorithm>
#include <cmath>

namespace asya::scaling {
namespace {

using ports::ScalingPolicy;

std::string Count(std::int64_t number, const std::string& one, const std::string& many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

std::string Replicas(std::int64_t number) { return Count(number, "replica", "replicas"); }

std::string Duration(std::chrono::steady_clock::duration duration) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(duration).count();
  return std::to_string(std::max<std::int64_t>(seconds, 0)) + " s";
}

std::int64_t CeilDivide(std::int64_t work, std::int64_t per_replica) {
  const std::int64_t divisor = std::max<std::int64_t>(per_replica, 1);
  return work / divisor + (work % divisor == 0 ? 0 : 1);
}

std::int64_t Work(const Signals& signals) { return signals.visible + signals.in_flight; }

std::string DescribeWork(const Signals& signals) {
  std::string text = Count(signals.visible, "envelope waits", "envelopes wait");
  if (signals.in_flight > 0) text += ", " + Count(signals.in_flight, "is in work", "are in work");
  return text;
}

// What the work that is there now calls for, within the bounds.
struct Needed {
  std::int64_t replicas = 0;
  bool capped = false;
};

Needed NeededFor(const Signals& signals, const ScalingPolicy& policy) {
  const std::int64_t by_work = CeilDivide(Work(signals), policy.queue_length);
  const std::int64_t bounded =
      std::clamp(by_work, policy.min_replicas, std::max(policy.min_replicas, policy.max_replicas));
  return Needed{bounded, by_work > bounded};
}

Desired Answer(std::int64_t replicas, Cause cause, std::string reason, const Memory& memory,
               std::optional<SteadyTime> look_again = std::nullopt) {
  return Desired{replicas, cause, std::move(reason), memory, look_again};
}

Desired GrowOrKeep(const Signals& signals, const ScalingPolicy& policy, const Needed& needed, Memory memory) {
  memory.surplus_since.reset();
  memory.surplus_peak = 0;
  if (Work(signals) == 0 && needed.replicas == policy.min_replicas) {
    return Answer(needed.replicas, needed.replicas == 0 ? Cause::kIdle : Cause::kMinimum,
                  needed.replicas == 0 ? "nothing waits and nothing is in work"
                                       : "nothing waits; minReplicaCount keeps " + Replicas(needed.replicas),
                  memory);
  }
  const std::string sized = DescribeWork(signals) + "; one replica takes " + std::to_string(policy.queue_length);
  if (needed.capped) {
    return Answer(needed.replicas, Cause::kMaximum, sized + ", but maxReplicaCount allows " + Replicas(needed.replicas),
                  memory);
  }
  return Answer(needed.replicas, Cause::kBacklog, sized + ", so " + Replicas(needed.replicas), memory);
}

std::int64_t NeededByRate(const Signals& signals, std::int64_t current) {
  if (!signals.arrivals_per_s || !signals.served_per_replica_s || *signals.served_per_replica_s <= 0) return 0;
  const double replicas = std::ceil(*signals.arrivals_per_s / (*signals.served_per_replica_s * kUtilisation));
  // Only holds what is there: an estimate must not start replicas.
  return static_cast<std::int64_t>(std::clamp(replicas, 0.0, static_cast<double>(current)));
}

// Idle and allowed to go to zero: nothing for the whole cooldown.
std::optional<Desired> DropToZero(const Signals& signals, const ScalingPolicy& policy, const Memory& memory) {
  if (policy.min_replicas > 0 || Work(signals) > 0 || signals.busy > 0 || !memory.last_active) return std::nullopt;
  const auto idle = signals.now - *memory.last_active;
  if (idle < policy.cooldown) return std::nullopt;
  return Answer(0, Cause::kIdle,
                "no work for " + Duration(idle) + "; the cooldown of " + Duration(policy.cooldown) + " is over",
                Memory{memory.last_active, std::nullopt, 0});
}

Desired Shrink(const Signals& signals, const ScalingPolicy& policy, std::int64_t current, const Needed& needed,
               Memory memory) {
  if (auto zero = DropToZero(signals, policy, memory)) return *zero;
  std::optional<SteadyTime> look_again;
  if (policy.min_replicas == 0 && Work(signals) == 0) look_again = *memory.last_active + policy.cooldown;
  const std::int64_t by_rate = NeededByRate(signals, current);
  const std::int64_t wanted = std::max({needed.replicas, std::int64_t{1}, by_rate, std::min(signals.busy, current)});
  if (wanted >= current) {
    memory.surplus_since.reset();
    memory.surplus_peak = 0;
    if (signals.busy >= current) {
      return Answer(current, Cause::kBusy, "every replica is busy", memory, look_again);
    }
    if (by_rate >= current)
      return Answer(current, Cause::kRate, "the arrival rate keeps " + Replicas(current) + " busy", memory, look_again);
    const auto left = look_again ? *look_again - signals.now : std::chrono::steady_clock::duration::zero();
    return Answer(current, Cause::kCooling,
                  "no work; the cooldown keeps " + Replicas(current) + " for another " + Duration(left), memory,
                  look_again);
  }
  if (!memory.surplus_since) memory.surplus_since = signals.now;
  memory.surplus_peak = std::max(memory.surplus_peak, wanted);
  const auto settle_time = std::min<std::chrono::steady_clock::duration>(kSettleTime, policy.cooldown);
  const SteadyTime settled_at = *memory.surplus_since + settle_time;
  if (signals.now < settled_at) {
    const SteadyTime next = look_again ? std::min(*look_again, settled_at) : settled_at;
    return Answer(current, Cause::kSettling,
                  Replicas(wanted) + " would do; " + std::to_string(current) + " stay until that held for " +
                      Duration(settle_time),
                  memory, next);
  }
  // The peak may be older than the replicas and the bounds there are now.
  const std::int64_t lowered = std::min(memory.surplus_peak, current);
  memory.surplus_since.reset();
  memory.surplus_peak = 0;
  return Answer(
      lowered, Cause::kBacklog,
      DescribeWork(signals) + "; not more than " + Replicas(lowered) + " were needed for " + Duration(settle_time),
      memory, look_again);
}

}  // namespace

const char* CauseName(Cause cause) {
  switch (cause) {
    case Cause::kPaused: return "paused";
    case Cause::kFixed: return "fixed";
    case Cause::kBacklog: return "backlog";
    case Cause::kMaximum: return "maximum";
    case Cause::kMinimum: return "minimum";
    case Cause::kSettling: return "settling";
    case Cause::kRate: return "rate";
    case Cause::kBusy: return "busy";
    case Cause::kCooling: return "cooling";
    case Cause::kIdle: return "idle";
  }
  return "unknown";
}

Desired DesiredReplicas(const Signals& signals, const ScalingPolicy& policy, const Memory& memory) {
  if (policy.paused) return Answer(0, Cause::kPaused, "the actor is paused", Memory{});
  if (!policy.enabled) {
    return Answer(policy.fixed_replicas, Cause::kFixed,
                  "scaling is off; spec.replicas asks for " + Replicas(policy.fixed_replicas), Memory{});
  }
  Memory next = memory;
  const std::int64_t highest = std::max(policy.min_replicas, policy.max_replicas);
  const std::int64_t present = signals.ready + signals.starting;
  const bool active = Work(signals) > 0 || signals.busy > 0 || signals.moved;
  // Replicas found without a memory (a restart of ours) get the whole cooldown.
  if (active || (present > 0 && !next.last_active)) next.last_active = signals.now;
  const Needed needed = NeededFor(signals, policy);
  if (present > highest) {
    return Answer(highest, Cause::kMaximum, "maxReplicaCount allows " + Replicas(highest), next);
  }
  if (needed.replicas >= present) return GrowOrKeep(signals, policy, needed, next);
  return Shrink(signals, policy, present, needed, next);
}

}  // namespace asya::scaling
