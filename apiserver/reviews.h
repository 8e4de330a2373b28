// Reviews: what a user may ask about itself: kubectl auth can-i, auth can-i --list and auth whoami. Nothing is stored.
#pragma once

#include "apiserver/api_server.h"
#include "apiserver/call.h"

namespace asya::apiserver {

// Whether objects of the resource are such questions, which are created and never kept.
bool IsReview(const Resource& resource);

// By what reviews are answered. Without an authorizer everybody who is known may do everything.
struct Judges {
  const Authorizer& authorize;
  bool rules_are_complete = false;  // as in ApiServer::Parts
};

Outcome<http::Response> CreateReview(const Context& context, const Judges& judges, Call& call);

}  // namespace asya::apiserver
