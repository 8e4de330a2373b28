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

// `actor` is the one that checks; `canceled` what the cancel feed knows of the task or its parent.
std::optional<Refusal> Admit(const model::Envelope& envelope, const std::string& actor, bool canceled, WallTime now);

// `deadline_at` as a time; nullopt if there is none.
std::optional<WallTime> DeadlineOf(const model::Envelope& envelope);

}  // namespace asya::relay
