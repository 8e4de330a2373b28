#include "apiserver/status_error.h"

#include <utility>

#include "apiserver/resource.h"

namespace asya::apiserver {
namespace {

StatusError Make(int code, const char* reason, std::string message) {
  StatusError error;
  error.code = code;
  error.reason = reason;
  error.message = std::move(message);
  return error;
}

StatusError About(int code, const char* reason, const Resource& resource, const std::string& name,
                  std::string message) {
  StatusError error = Make(code, reason, std::move(message));
  error.name = name;
  error.group = resource.group;
  error.kind = resource.kind.plural;
  return error;
}

std::string Quoted(const Resource& resource, const std::string& name) {
  return resource.Qualified() + " \"" + name + "\"";
}

// What is asked of a whole collection, and what is yet to be created, has no name.
std::string QuotedIfNamed(const Resource& resource, const std::string& name) {
  return name.empty() ? resource.Qualified() : Quoted(resource, name);
}

json::Value Details(const StatusError& error) {
  json::Object details;
  if (!error.name.empty()) details["name"] = error.name;
  if (!error.group.empty()) details["group"] = error.group;
  if (!error.kind.empty()) details["kind"] = error.kind;
  if (!error.uid.empty()) details["uid"] = error.uid;
  if (error.retry_after_s > 0) details["retryAfterSeconds"] = error.retry_after_s;
  json::Array causes;
  for (const model::Cause& cause : error.causes) {
    json::Object item{{"reason", cause.reason}, {"message", cause.message}};
    if (!cause.field.empty()) item["field"] = cause.field;
    causes.push_back(std::move(item));
  }
  if (!causes.empty()) details["causes"] = std::move(causes);
  return details;
}

}  // namespace

json::Value ToStatus(const StatusError& error) {
  json::Object metadata;
  if (!error.continue_token.empty()) metadata["continue"] = error.continue_token;
  json::Object status{{"kind", "Status"},    {"apiVersion", "v1"},       {"metadata", metadata},
                      {"status", "Failure"}, {"message", error.message}, {"reason", error.reason},
                      {"code", error.code}};
  json::Value details = Details(error);
  if (!details.AsObject().empty()) status["details"] = std::move(details);
  return status;
}

http::Response ToResponse(const StatusError& error) {
  http::Response response;
  response.status = error.code;
  response.body = json::Dump(ToStatus(error));
  if (error.retry_after_s > 0) response.headers.Set("Retry-After", std::to_string(error.retry_after_s));
  return response;
}

StatusError BadRequest(std::string message) { return Make(400, "BadRequest", std::move(message)); }
StatusError Unauthorized() { return Make(401, "Unauthorized", "Unauthorized"); }
StatusError Expired(std::string message) { return Make(410, "Expired", std::move(message)); }
StatusError TooLarge(std::string message) { return Make(413, "RequestEntityTooLarge", std::move(message)); }
StatusError PathNotFound() { return Make(404, "NotFound", "the server could not find the requested resource"); }

StatusError UnsupportedMediaType(std::string message) { return Make(415, "UnsupportedMediaType", std::move(message)); }

StatusError MethodNotAllowed(const std::string& what) {
  return Make(405, "MethodNotAllowed", "the server does not allow this method on the requested resource: " + what);
}

StatusError NotAcceptable(const std::string& accepted) {
  return Make(406, "NotAcceptable", "only the following media types are accepted: " + accepted);
}

StatusError Forbidden(const Resource& resource, const std::string& name, const std::string& why) {
  return About(403, "Forbidden", resource, name, QuotedIfNamed(resource, name) + " is forbidden: " + why);
}

StatusError NotFound(const Resource& resource, const std::string& name) {
  return About(404, "NotFound", resource, name, Quoted(resource, name) + " not found");
}

StatusError AlreadyExists(const Resource& resource, const std::string& name) {
  return About(409, "AlreadyExists", resource, name, Quoted(resource, name) + " already exists");
}

StatusError Conflict(const Resource& resource, const std::string& name, const std::string& why) {
  return About(409, "Conflict", resource, name,
               "Operation cannot be fulfilled on " + Quoted(resource, name) + ": " + why);
}

StatusError Modified(const Resource& resource, const std::string& name) {
  return Conflict(resource, name,
                  "the object has been modified; please apply your changes to the latest version and try again");
}

StatusError Invalid(const Resource& resource, const std::string& name, std::vector<model::Cause> causes) {
  std::string kind = resource.kind.kind;
  const std::string qualified = resource.group.empty() ? kind : kind + "." + resource.group;
  StatusError error = Make(422, "Invalid", qualified + " \"" + name + "\" is invalid: " + model::Describe(causes));
  error.name = name;
  error.group = resource.group;
  error.kind = std::move(kind);
  error.causes = std::move(causes);
  return error;
}

StatusError InvalidOptions(const std::string& kind, std::vector<model::Cause> causes) {
  StatusError error = Make(422, "Invalid", kind + ".meta.k8s.io \"\" is invalid: " + model::Describe(causes));
  error.group = "meta.k8s.io";
  error.kind = kind;
  error.causes = std::move(causes);
  return error;
}

StatusError TooManyRequests() {
  StatusError error = Make(429, "TooManyRequests", "the server is busy; try again in a second");
  error.retry_after_s = 1;
  return error;
}

StatusError InternalError(const std::string& why) {
  return Make(500, "InternalError", "Internal error occurred: " + why);
}

StatusError Unavailable(std::string message) {
  StatusError error = Make(503, "ServiceUnavailable", std::move(message));
  error.retry_after_s = 1;
  return error;
}

StatusError TooLargeRevision(const std::string& asked, const std::string& head) {
  StatusError error = Make(504, "Timeout", "Timeout: Too large resource version: " + asked + ", current: " + head);
  error.revision_ahead = true;
  error.causes.push_back({"", "ResourceVersionTooLarge", "Too large resource version"});
  error.retry_after_s = 1;
  return error;
}

StatusError FromStore(const Error& error, const Resource& resource, const std::string& name) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return NotFound(resource, name);
    case ErrorCode::kExists:
      return AlreadyExists(resource, name);
    case ErrorCode::kConflict:
      return Modified(resource, name);
    case ErrorCode::kExpired:
      return Expired("The resourceVersion is too old: " + error.message);
    case ErrorCode::kInvalid:
      return BadRequest(error.message);
    case ErrorCode::kForbidden:
      return Forbidden(resource, name, error.message);
    case ErrorCode::kUnauthorized:
      return Unauthorized();
    case ErrorCode::kTooLarge:
      return TooLarge(error.message);
    case ErrorCode::kTooMany:
      return TooManyRequests();
    case ErrorCode::kTimeout: {
      StatusError timeout = Make(504, "Timeout", "the store did not answer in time: " + error.message);
      timeout.retry_after_s = 1;
      return timeout;
    }
    case ErrorCode::kUnavailable:
    case ErrorCode::kClosed:
      return Unavailable("the store is away: " + error.message);
    case ErrorCode::kUnroutable:
    case ErrorCode::kInternal:
      break;
  }
  return InternalError(error.message);
}

}  // namespace asya::apiserver
