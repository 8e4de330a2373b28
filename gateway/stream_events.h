// StreamEvents: GET /api/v1/tasks/{id}/events as server-sent events: catch-up, then live until the task ends.
#pragma once

#include "core/http/message.h"
#include "gateway/gateway.h"

namespace asya::gateway {

// Events: `status` with `id:` (replayed after Last-Event-ID) and `fly` without one; a comment each 15 s keeps the line
// open.
void StreamEvents(http::Request request, http::Responder responder, const Deps& deps);

}  // namespace asya::gateway
