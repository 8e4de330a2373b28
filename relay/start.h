// Start: what the programs of all transports share: reading the environment, and running until drained.
#pragma once

#include <optional>

#include "core/base/clock.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/message_queue.h"
#include "relay/settings.h"

namespace asya::relay {

inline constexpr int kExitUsage = 64;  // EX_USAGE: the environment is wrong; starting again will not help
inline constexpr int kExitFailure = 1;

// From the process's environment; nullopt after every mistake was printed to stderr, a line each.
std::optional<Settings> SettingsOrReport();

// Whether the environment names a claim store in S3, which only some programs have with them.
bool WantsS3Claims();

// What the relay logs with.
observe::Logger LoggerOf(const Settings& settings);

// `metrics` is what /metrics shows; transports may count in it too. `on_rest` is called when work has ceased for a
// moment. The exit status: 0 after a drain or when the supervising process has gone.
int RunUntilDrained(const Settings& settings, ports::MessageQueue& queue, observe::Metrics& metrics, const Clock& clock,
                    void (*on_rest)() = nullptr);

}  // namespace asya::relay
