// ScaledObjectRef: for which actor KEDA asks, and by what in a ScaledObject's trigger; pure.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "core/base/result.h"

namespace asya::scaling {

using ActorKey = std::pair<std::string, std::string>;  // namespace, metadata.name of the AsyncActor

inline constexpr std::size_t kMetadataEntriesMax = 32;
inline constexpr std::size_t kMetadataValueBytesMax = 1024;

// As a call carries it.
struct ScaledObjectRef {
  std::string name;
  std::string namespace_;                       // of the ScaledObject; KEDA says it, no user does
  std::map<std::string, std::string> metadata;  // of the trigger, with the keys that are for KEDA itself
};

// kInvalid with the field: a key that is not known, too much of them, no actor, another namespace than that of the
// ScaledObject. `queue` is for people and not looked at: an actor that moves has two for a while.
Result<ActorKey> ActorOf(const ScaledObjectRef& ref);

}  // namespace asya::scaling
