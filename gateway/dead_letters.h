// DeadLetters: what failed for good, with everything needed to understand it and to send it again.
#pragma once

#include <string>

#include "core/http/message.h"
#include "gateway/gateway.h"
#include "ports/task_store.h"

namespace asya::gateway {

// Failures with the same signature are one kind of failure to a person.
std::string SignatureOf(const ports::DeadLetter& letter);

// All blocking; they run on the executor.
http::Response ListDeadLetters(const http::Request& request, const Deps& deps);
http::Response ReadDeadLetter(const http::Request& request, const Deps& deps);
// Sends the envelope again as a new task from the actor where it failed; a body {payload?, headers?} edits it first.
http::Response ReplayDeadLetter(const http::Request& request, const Deps& deps, const Limits& limits);

}  // namespace asya::gateway
