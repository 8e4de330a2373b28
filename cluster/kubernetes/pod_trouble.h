// PodTrouble: what keeps a pod from being ready, in words that stay the same for as long as the cause does; pure.
#pragma once

#include <optional>
#include <string>

#include "core/json/value.h"

namespace asya::cluster::kubernetes {

inline constexpr std::size_t kTroubleBytesMax = 700;  // of a message; events take 1,024

struct Trouble {
  std::string reason;         // one word: ImagePullBackOff, CrashLoopBackOff, SecretMissing, Unschedulable, …
  std::string message;        // for a person: the container, what it says itself, and what to do
  bool needs_change = false;  // waiting alone will not help
};

// nullopt: nothing is wrong, as far as scheduler and kubelet say.
std::optional<Trouble> TroubleOf(const json::Value& pod);

// Why the cluster makes no pods at all, by the condition ReplicaFailure of a Deployment.
Trouble FailedCreate(const json::Value& condition);

}  // namespace asya::cluster::kubernetes
