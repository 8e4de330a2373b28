// RefuseFirstMessage: a task whose first message its broker will never take.
#pragma once

#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "ports/task_store.h"

namespace asya::gateway {

// Ends the task as failed, with the envelope and its payload in the dead letters. Durable when it returns, and the same
// when it is called again. kInvalid when `envelope` is none.
Status RefuseFirstMessage(const std::string& envelope, const Error& error, ports::TaskStore& tasks, const Clock& clock);

// What an envelope ends with that no actor will work on.
struct Refusal {
  std::string namespace_;
  std::string actor;  // in whose queue it was, where the envelope does not say
  std::string error_type;
  std::string message;
};

// The same for an envelope that was on its way. One that has failed already keeps its own error; bytes that are no
// envelope are kept as they are.
Status RefuseEnvelope(const std::string& envelope, const Refusal& refusal, ports::TaskStore& tasks, const Clock& clock);

}  // namespace asya::gateway
