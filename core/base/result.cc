#include "core/base/result.h"

#include <cstdio>

namespace asya {

const char* ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return "Invalid";
    case ErrorCode::kNotFound: return "NotFound";
    case ErrorCode::kExists: return "AlreadyExists";
    case ErrorCode::kConflict: return "Conflict";
    case ErrorCode::kExpired: return "Expired";
    case ErrorCode::kForbidden: return "Forbidden";
    case ErrorCode::kUnauthorized: return "Unauthorized";
    case ErrorCode::kTooLarge: return "TooLarge";
    case ErrorCode::kTooMany: return "TooManyRequests";
    case ErrorCode::kTimeout: return "Timeout";
    case ErrorCode::kUnavailable: return "Unavailable";
    case ErrorCode::kUnroutable: return "Unroutable";
    case ErrorCode::kClosed: return "Closed";
    case ErrorCode::kInternal: return "InternalError";
  }
  return "InternalError";
}

namespace internal {

void DieOnBadAccess(const Error* error, const char* file, int line) {
  std::fprintf(stderr, "fatal: %s:%d: %s\n", file, line,
               error == nullptr ? "broken invariant" : error->message.c_str());
  std::abort();
}

}  // namespace internal
}  // namespace asya
