// StreamEvents: GET /api/v1/tasks/{id}/events as server-sent events: catch-up, then live until the task ends.
#pragma once

#include "core/http/message.h"
#include "gateway/gateway.h"

namespace asya::gateway {

// Events: `status`, which are kept and told again after Last-Event-ID, `fly`, which are not, and `task` at the end.
// Each has an `id:`; that of the latter two is the last kept event's. A comment each 15 s keeps the line open.
void StreamEvents(http::Request request, http::Responder responder, const Deps& deps);

}  // namespace asya::gateway
