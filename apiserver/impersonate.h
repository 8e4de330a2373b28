// Impersonate: kubectl --as: a request that is to be judged as somebody else's.
#pragma once

#include "apiserver/call.h"
#include "core/http/message.h"

namespace asya::apiserver {

// The user of a request that `user` has sent: itself where the request names nobody else. Only members of
// system:masters may act as others; to everybody else the answer is kube-apiserver's 403, and never that the headers
// count for nothing, which would show a person their own rights as those of another.
Outcome<User> Impersonate(const http::Request& request, User user);

}  // namespace asya::apiserver
