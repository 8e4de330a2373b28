// UniqueQueue: admission that refuses an actor whose queue would be another actor's.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "apiserver/call.h"

namespace asya::apiserver {

// Namespace and name of the actor that has the queue of this name.
struct QueueOwner {
  std::string namespace_;
  std::string name;
};

// `find` may lag behind the store for a moment; the queue's own mark of its owner catches what slips through.
Admission UniqueQueue(std::function<std::optional<QueueOwner>(const std::string& queue)> find);

}  // namespace asya::apiserver
