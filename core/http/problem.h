// ProblemResponse: an error as application/problem+json (RFC 9457).
#pragma once

#include <string_view>

#include "core/http/message.h"

namespace asya::http {

// {"title":…,"status":…,"detail":…}; `detail` is left out when empty.
Response ProblemResponse(int status, std::string_view detail = {});
// The standard reason phrase of a status, e.g. "Not Found".
std::string_view ReasonPhrase(int status);

}  // namespace asya::http
