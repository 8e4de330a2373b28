// DeadLetters: what failed for good, with everything needed to understand it and to send it again.
#pragma once

#include "core/http/message.h"
#include "gateway/gateway.h"

namespace asya::gateway {

// All blocking; they run on the executor.
http::Response ListDeadLetters(const http::Request& request, const Deps& deps, const Limits& limits);
http::Response ReadDeadLetter(const http::Request& request, const Deps& deps);
// Sends the envelope again as a new task from the actor where it failed; a body {payload?, headers?} edits it first.
http::Response ReplayDeadLetter(const http::Request& request, const Deps& deps, const Limits& limits);

}  // namespace asya::gateway
