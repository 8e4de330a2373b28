// UniqueQueue: admission that refuses an actor whose queue would be another actor's.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "apiserver/call.h"
#include "core/base/clock.h"

namespace asya::apiserver {

// Namespace and name of the actor that has the queue of this name.
struct QueueOwner {
  std::string namespace_;
  std::string name;
  friend bool operator==(const QueueOwner&, const QueueOwner&) = default;
};

// Actors admitted last that are remembered, since `find` may not know them yet.
inline constexpr std::size_t kRecentQueuesMax = 1024;

// For so long a create that was admitted may not be in the store yet; another one of the same queue is to come again.
inline constexpr std::chrono::seconds kClaimTime{2};

// `find` answers from memory and may lag behind the store for a moment; whom it names, and who was admitted lately, is
// looked up in the store before anybody is refused. Of two creates at the same moment one claims the queue, and the
// other is answered with 409 and when to try again: by then the first is in the store, or has failed. spec.actor cannot
// be changed, so only creates are looked at.
Admission UniqueQueue(ports::ObjectStore& store, const Clock& clock,
                      std::function<std::optional<QueueOwner>(const std::string& queue)> find);

}  // namespace asya::apiserver
