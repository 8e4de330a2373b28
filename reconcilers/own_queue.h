// OwnQueue: an actor's queue at one broker, unless somebody else's queue has its name.
#pragma once

#include <cstdint>
#include <string>

#include "ports/queue_admin.h"

namespace asya::reconcilers {

struct OwnQueue {
  bool exists = false;
  std::int64_t envelopes = 0;  // waiting, delayed and in flight
};

// Does not exist where the actor has none, or where the queue of that name belongs to another owner.
Result<OwnQueue> LookAtQueue(ports::QueueAdmin& admin, const ports::QueueSpec& queue);

// "1 envelope is", "3 envelopes are".
std::string EnvelopeCount(std::int64_t count);

}  // namespace asya::reconcilers
