// ReadTask: GET of one task (with long poll), of a page of tasks, and DELETE as cancel.
#pragma once

#include "core/http/message.h"
#include "gateway/cancel_feed.h"
#include "gateway/gateway.h"

namespace asya::gateway {

// Blocking.
http::Response ReadTask(const http::Request& request, const Deps& deps);
// With ?wait=30s: answers when the task has ended (or changed since If-None-Match) or the time is over.
void WaitForTask(const http::Request& request, http::Responder responder, const Deps& deps);
// Blocking.
http::Response ListTasks(const http::Request& request, const Deps& deps);
// Blocking. Idempotent 204.
http::Response CancelTask(const http::Request& request, const Deps& deps);

}  // namespace asya::gateway
