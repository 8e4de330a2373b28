// StatusError: a failed request as the Kubernetes Status object that clients parse.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/http/message.h"
#include "core/json/value.h"
#include "model/validation.h"

namespace asya::apiserver {

struct Resource;

struct StatusError {
  int code = 500;
  std::string reason = "InternalError";
  std::string message;
  // details
  std::string name;
  std::string group;
  std::string kind;
  std::string uid;
  std::vector<model::Cause> causes;
  int retry_after_s = 0;        // also sent as Retry-After
  std::string continue_token;   // with Expired: goes on at the head instead
  bool revision_ahead = false;  // the store has not come to the revision that was asked for, and may do so soon
};

json::Value ToStatus(const StatusError& error);
http::Response ToResponse(const StatusError& error);

StatusError BadRequest(std::string message);
StatusError Unauthorized();
StatusError Forbidden(const Resource& resource, const std::string& name, const std::string& why);
StatusError NotFound(const Resource& resource, const std::string& name);
StatusError PathNotFound();
StatusError MethodNotAllowed(const std::string& what);
StatusError NotAcceptable(const std::string& accepted);
StatusError AlreadyExists(const Resource& resource, const std::string& name);
StatusError Conflict(const Resource& resource, const std::string& name, const std::string& why);
// The caller's copy is older than the stored object.
StatusError Modified(const Resource& resource, const std::string& name);
StatusError Expired(std::string message);
StatusError TooLarge(std::string message);
StatusError UnsupportedMediaType(std::string message);
StatusError Invalid(const Resource& resource, const std::string& name, std::vector<model::Cause> causes);
// Invalid query parameters, e.g. of kind ListOptions.
StatusError InvalidOptions(const std::string& kind, std::vector<model::Cause> causes);
StatusError TooManyRequests();
StatusError InternalError(const std::string& why);
StatusError Unavailable(std::string message);
StatusError TooLargeRevision(const std::string& asked, const std::string& head);
// What the store said about the object `name`.
StatusError FromStore(const Error& error, const Resource& resource, const std::string& name);

}  // namespace asya::apiserver
