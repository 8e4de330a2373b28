// DecisionRoutes: what the scaler decided for an actor and why.
#pragma once

#include "apiserver/api_server.h"
#include "core/http/router.h"
#include "ports/decisions.h"

namespace asya::server {

// GET /apis/asya.sh/v1alpha1/namespaces/{namespace}/asyncactors/{actor}/decisions?limit=, and the same as
// /api/v1/decisions?namespace=&actor=&limit=, for everybody whose requests come this far. `decisions` must outlive the
// router.
void AddDecisionRoutes(http::Router& router, const ports::DecisionLog& decisions);

// The first alone, which is reached through kube-apiserver, for whom `authorize` lets get that part of the actor.
void AddDecisionRoutes(http::Router& router, const ports::DecisionLog& decisions, apiserver::Authenticator authenticate,
                       apiserver::Authorizer authorize);

}  // namespace asya::server
