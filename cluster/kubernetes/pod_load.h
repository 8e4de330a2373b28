// PodLoad: what a pod is known to work on, kept in its annotations: there every server of an installation reads it, and
// the cluster itself, which takes the pods of the lowest cost away first. Pure.
#pragma once

#include <chrono>
#include <cstdint>

#include "core/base/clock.h"
#include "core/json/value.h"

namespace asya::cluster::kubernetes {

// The cluster's own: which pods of a ReplicaSet go first. As high as there were envelopes in work when it was written;
// a pod without it counts as 0.
inline constexpr const char* kDeletionCost = "controller.kubernetes.io/pod-deletion-cost";
// Until when the cost is taken for work: the relay that told of it may be gone.
inline constexpr const char* kBusyUntil = "asya.sh/busy-until";
inline constexpr std::chrono::minutes kBusyFor{10};
// One that is told of again is written again when less than this is left.
inline constexpr std::chrono::minutes kRenewBefore{5};

// Envelopes in work; 0 where none was told of, or too long ago.
std::int64_t InFlightOf(const json::Value& pod, WallTime now);
// The merge patch of its annotations; null where they say so already. The number itself is no reason to write: only
// whether there is work.
json::Value LoadPatch(const json::Value& pod, std::int64_t in_flight, WallTime now);

}  // namespace asya::cluster::kubernetes
