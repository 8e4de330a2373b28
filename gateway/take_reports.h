// TakeReports: POST of what relays saw: progress, FLY events, final statuses and dead letters, one or a batch.
#pragma once

#include <string>

#include "core/http/message.h"
#include "gateway/gateway.h"

namespace asya::gateway {

// Runs on the executor; the answer comes from another thread. 204 when everything is durable; a report that cannot be
// read refuses the whole batch (400 names the item), since a relay that speaks another language must not be believed in
// parts. `task_id`: of the single form, else empty.
void TakeReports(const http::Request& request, const std::string& task_id, http::Responder responder, const Deps& deps,
                 const Limits& limits);

}  // namespace asya::gateway
