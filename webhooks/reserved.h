// Reserved: what a pod must not have before it is injected, since its names are ours.
#pragma once

#include <string>

#include "core/base/result.h"
#include "ports/composer.h"
#include "webhooks/pod.h"

namespace asya::webhooks {

bool IsReservedContainer(std::string_view name);

// kInvalid with the field, the name and the fix: a container or volume that has a name of ours, a mount where we mount,
// a port of the relay's, or, in the container called `runs_handler` (empty: none), a variable that we set.
Status CheckReserved(const Pod& pod, const ports::InjectedParts& parts, const std::string& runs_handler);

}  // namespace asya::webhooks
