// KedaStatus: what KEDA says of the ScaledObject among an actor's children; pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ports/cluster.h"
#include "reconcilers/actor_status.h"

namespace asya::reconcilers {

// What keeps KEDA from scaling; nullopt: nothing does. Only its conditions Ready, Fallback and Paused are looked at:
// the others, and its times, change with the work. `paused`: the actor's own spec asks for it.
std::optional<Part> KedaTrouble(const std::vector<ports::Observed>& children, bool paused);

}  // namespace asya::reconcilers
