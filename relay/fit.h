// Fit: makes a message small enough for its transport, what matters least first (spec 03: nothing of a failure is lost
// that fits).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace asya::relay {

// Left free, so that the same envelope still fits when its route has grown on the way from x-sink to x-sump.
inline constexpr std::size_t kOnwardBytes = 256;

// The envelope `body` in at most `limit_bytes`, by cutting its error: the traceback, then the message, each marked with
// "…", then the names of the base classes. nullopt when the rest is larger.
std::optional<std::string> FitError(std::string_view body, std::size_t limit_bytes);

// The same for an envelope that has failed. Where the error is not enough, its payload becomes DroppedPayload(), and
// then its headers are dropped; id, route and status stay. May still be larger than the limit, when these alone are.
std::string FitFailure(std::string_view body, std::size_t limit_bytes);

// What stands in the place of a payload that was too large: {"x-asya-dropped":{"bytes","sha256"}}, of its bytes.
std::string DroppedPayload(std::string_view payload);

}  // namespace asya::relay
