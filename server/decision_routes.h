// DecisionRoutes: GET /api/v1/decisions, what the scaler decided for an actor and why.
#pragma once

#include "core/http/router.h"
#include "ports/decisions.h"

namespace asya::server {

// `decisions` must outlive the router.
void AddDecisionRoutes(http::Router& router, const ports::DecisionLog& decisions);

}  // namespace asya::server
