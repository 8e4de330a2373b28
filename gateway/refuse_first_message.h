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

}  // namespace asya::gateway
