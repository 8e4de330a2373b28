// Problem: errors of the task API as application/problem+json (RFC 9457).
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/http/message.h"

namespace asya::gateway {

// HTTP status of an error code on this surface.
int StatusOf(ErrorCode code);
// {"type","title","status","detail","errors":[{"field","message"}]}; 429 and 503 carry Retry-After.
http::Response Problem(const Error& error);
// The same with several wrong fields at once; the status is that of the first.
http::Response Problem(const std::vector<Error>& errors);
http::Response Problem(const std::vector<Error>& errors, int status);
http::Response Json(int status, std::string body);

}  // namespace asya::gateway
