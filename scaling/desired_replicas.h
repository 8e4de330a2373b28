// DesiredReplicas: how many replicas an actor should have, from what waits and what runs; pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/clock.h"
#include "ports/scaler.h"

namespace asya::scaling {

// What is seen of one actor at one moment.
struct Signals {
  SteadyTime now{};
  std::int64_t visible = 0;              // envelopes that wait and can be delivered now
  std::int64_t delayed = 0;              // envelopes that wait for their retry; no work until then, only recorded
  std::int64_t in_flight = 0;            // envelopes leased by replicas
  std::int64_t ready = 0;                // replicas that take work
  std::int64_t starting = 0;             // replicas on their way: capacity that was asked for already
  std::int64_t busy = 0;                 // of the replicas that are not leaving, those that work on something
  bool moved = false;                    // envelopes came or went since the last look, even if none is there now
  std::optional<double> arrivals_per_s;  // unknown until measured
  std::optional<double>
      served_per_replica_s;  // envelopes one busy replica finishes in a second; unknown until measured
};

// What has to be remembered between two looks; starts empty.
struct Memory {
  std::optional<SteadyTime> last_active;    // when there was work last
  std::optional<SteadyTime> surplus_since;  // since when fewer replicas than there are would do, without a break
  std::int64_t surplus_peak = 0;            // the most that was needed since then
};

// Why; stable names for metrics and tests.
enum class Cause { kPaused, kFixed, kBacklog, kMaximum, kMinimum, kSettling, kRate, kBusy, kCooling, kIdle };
const char* CauseName(Cause cause);

struct Desired {
  std::int64_t replicas = 0;
  Cause cause = Cause::kIdle;
  std::string reason;  // one sentence for a person
  Memory memory;       // for the next look
  // When the answer may change although no signal does: the end of the cooldown or of the settling time.
  std::optional<SteadyTime> look_again;
};

// A surplus of replicas has to last this long before it is taken away; at most the cooldown.
inline constexpr std::chrono::seconds kSettleTime{60};
// Share of their time replicas may be busy when the arrival rate decides how many stay.
inline constexpr double kUtilisation = 0.8;

// Up in one step to ceil(work / queue_length). Down to the most that was needed during the settling time, never below
// the busy replicas nor below what the arrival rate keeps busy; to zero only when there was no work for the whole
// cooldown.
// min and max always hold; `paused` and a fixed count go before everything.
Desired DesiredReplicas(const Signals& signals, const ports::ScalingPolicy& policy, const Memory& memory);

}  // namespace asya::scaling
