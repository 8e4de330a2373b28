// Marks: what a message tells beside its body: attributes of ours, and what Pub/Sub says of its deliveries.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/clock.h"
#include "transports/pubsub/messages.h"

namespace asya::transports::pubsub {

struct Marks {
  std::string own_id;        // derived, given by the publisher
  std::int64_t crashes = 0;  // earlier deliveries that were never settled
  WallTime visible_at{};
  bool early = false;  // a retry that is not due yet
};

Marks MarksOf(const Received& received, WallTime now);
// The attributes of a message to publish. `visible_at`: none for one that is new; a copy keeps its own.
Attributes Marked(const std::string& own_id, std::int64_t crashes, WallTime visible_at);

}  // namespace asya::transports::pubsub
