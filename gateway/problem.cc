#include "gateway/problem.h"

#include <utility>

#include "core/json/value.h"

namespace asya::gateway {

int StatusOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return 400;
    case ErrorCode::kUnauthorized:
      return 401;
    case ErrorCode::kForbidden:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kUnroutable:
      return 404;
    case ErrorCode::kExists:
      return 409;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kExpired:
      return 410;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kTooMany:
      return 429;
    case ErrorCode::kTimeout:
      return 504;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kClosed:
      return 503;
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

http::Response Problem(const Error& error) { return Problem(std::vector<Error>{error}); }

http::Response Problem(const std::vector<Error>& errors) { return Problem(errors, StatusOf(errors.front().code)); }

http::Response Problem(const std::vector<Error>& errors, int status) {
  json::Object body;
  body["title"] = ErrorCodeName(errors.front().code);
  body["status"] = status;
  std::string detail;
  json::Array fields;
  for (const Error& error : errors) {
    if (!detail.empty()) detail += "; ";
    detail += error.field.empty() ? error.message : error.field + ": " + error.message;
    if (!error.field.empty()) fields.push_back(json::Object{{"field", error.field}, {"message", error.message}});
  }
  body["detail"] = detail;
  if (!fields.empty()) body["errors"] = std::move(fields);
  http::Response response{status, json::Dump(body), "application/problem+json", {}};
  if (response.status == 429 || response.status == 503) response.headers.Set("Retry-After", "1");
  return response;
}

http::Response Json(int status, std::string body) {
  return http::Response{status, std::move(body), "application/json", {}};
}

}  // namespace asya::gateway
