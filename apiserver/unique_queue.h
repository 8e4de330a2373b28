// UniqueQueue: admission that refuses an actor whose queue would be another actor's.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "apiserver/call.h"

namespace asya::apiserver {

// Namespace and name of the actor that has the queue of this name.
struct QueueOwner {
  std::string namespace_;
  std::string name;
  friend bool operator==(const QueueOwner&, const QueueOwner&) = default;
};

// Actors admitted last that are remembered, since `find` may not know them yet.
inline constexpr std::size_t kRecentQueuesMax = 1024;

// `find` answers from memory and may lag behind the store for a moment; whom it names, and who was admitted lately, is
// looked up in the store before anybody is refused. Of two creates at the same moment both may pass: the queue's own
// mark of its owner keeps the second out. spec.actor cannot be changed, so only creates are looked at.
Admission UniqueQueue(ports::ObjectStore& store,
                      std::function<std::optional<QueueOwner>(const std::string& queue)> find);

}  // namespace asya::apiserver
