// Reviews: what a user may ask about itself: kubectl auth can-i, auth can-i --list and auth whoami. Nothing is stored.
#pragma once

#include "apiserver/api_server.h"
#include "apiserver/call.h"

namespace asya::apiserver {

// Whether objects of the resource are such questions, which are created and never kept.
bool IsReview(const Resource& resource);

// Answers one. Without an authorizer everybody who is known may do everything.
Outcome<http::Response> CreateReview(const Context& context, const Authorizer& authorize, Call& call);

}  // namespace asya::apiserver
