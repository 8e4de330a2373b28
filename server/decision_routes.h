// DecisionRoutes: what the scaler decided for an actor and why.
#pragma once

#include "apiserver/api_server.h"
#include "core/http/router.h"
#include "ports/autoscaler.h"
#include "ports/decisions.h"

namespace asya::server {

// GET /apis/asya.sh/v1alpha1/namespaces/{namespace}/asyncactors/{actor}/decisions?limit=, and the same as
// /api/v1/decisions?namespace=&actor=&limit=, for everybody whose requests come this far. `decisions` must outlive the
// router.
void AddDecisionRoutes(http::Router& router, const ports::DecisionLog& decisions);

// The first alone, which is reached through kube-apiserver, for whom `authorize` lets get that part of the actor; with
// what the cluster's own autoscaler says of the actor now, where it has one and could be asked.
void AddDecisionRoutes(http::Router& router, const ports::DecisionLog& decisions, ports::FindAutoscaler find_autoscaler,
                       apiserver::Authenticator authenticate, apiserver::Authorizer authorize);

}  // namespace asya::server
