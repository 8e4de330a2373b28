// Admit: what is checked of an envelope before its handler is called.
#pragma once

#include <optional>
#include <string>

#include "core/base/clock.h"
#include "model/envelope.h"

namespace asya::relay {

// Why an envelope goes to x-sink without a call.
struct Refusal {
  std::string phase = "failed";  // or "canceled"
  std::string reason;            // Timeout, PreFlightCanceled, RouteMismatch
  std::string message;
};

// What of a task is checked.
enum class Standing {
  kOpen,
  kCanceled,  // as the cancel feed knows of it or of one that it comes from
  kEnded,     // what is called now are its hooks: they run whatever became of it, also because its deadline passed
};

// `actor` is the one that checks.
std::optional<Refusal> Admit(const model::Envelope& envelope, const std::string& actor, Standing standing,
                             WallTime now);

// `deadline_at` as a time; nullopt if there is none.
std::optional<WallTime> DeadlineOf(const model::Envelope& envelope);

}  // namespace asya::relay
