// OwnStep: which changes of a count are made by us where an autoscaler makes the others; pure.
#pragma once

#include <cstdint>

namespace asya::scaling {

// The first replica and the last are KEDA's, and what is between is the autoscaler's, but for two things: it is told to
// lower nothing, since it would end whichever replica it likes at whatever moment; and without a tolerance of zero it
// leaves alone what differs by a tenth.
constexpr bool IsOwnStep(std::int64_t desired, std::int64_t present) {
  if (desired < 1 || present < 1) return false;
  const bool within_a_tenth = desired > present && (desired - present) * 10 <= present;
  return desired < present || within_a_tenth;
}

}  // namespace asya::scaling
