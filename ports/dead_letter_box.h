// DeadLetterBox: where work goes that nobody will ever do.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::ports {

// What is left in the queue of an actor.
struct AbandonedWork {
  json::Value transport;  // whole object
  std::string queue;
  std::string namespace_;
  std::string actor;
  std::string message;  // why nobody will, for a person
};

class DeadLetterBox {
 public:
  virtual ~DeadLetterBox() = default;
  // Makes dead letters of what can be taken out of the queue now, each durable before it leaves the queue; its task
  // fails. Blocks for a bounded time. Returns how many; some may be left, also because others hold them for now.
  virtual Result<std::int64_t> Take(const AbandonedWork& work) = 0;
};

}  // namespace asya::ports
