// Access: who may call the local server: this machine's processes that hold its token.
#pragma once

#include <string>

#include "core/http/message.h"

namespace asya::server {

// Answers 401 without the bearer token, and 403 when the Host is not this machine: a web page that resolves its own
// name to 127.0.0.1 must not reach the API. Health and version need no token, as in Kubernetes.
http::Handler RequireToken(std::string token, http::Handler next);

}  // namespace asya::server
