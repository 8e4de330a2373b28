// Call: one authenticated request for objects on its way through the pipeline, and what the stages need.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/negotiate.h"
#include "apiserver/outcome.h"
#include "apiserver/request_info.h"
#include "apiserver/resource.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/http/message.h"
#include "core/observe/log.h"
#include "ports/cluster_access.h"
#include "ports/object_store.h"

namespace asya::apiserver {

struct User {
  std::string name;
  std::vector<std::string> groups;
  std::string uid{};  // empty: not known
  std::map<std::string, std::vector<std::string>> extra{};
};

struct Call {
  http::Request request;
  RequestInfo info;
  const Resource* resource = nullptr;
  User user;
  Accepted accepted;
  std::vector<std::string> warnings;  // sent as Warning headers

  [[nodiscard]] ports::ObjectKey Key() const;
  [[nodiscard]] ports::Author Author(bool keep_history = true) const;
  void Warn(std::string text);
};

// An object that is about to be written. `old` is null on a create.
struct AdmissionRequest {
  const Call& call;
  const json::Value* old;
  json::Value& object;
};
using Admission = std::function<Outcome<Done>(AdmissionRequest&)>;

// YAML text to a value. Injected, since core/yaml is not of this layer.
using ParseYaml = std::function<Result<json::Value>(std::string_view)>;

// Whether the user may; an error (Forbidden) is the answer. The place for SubjectAccessReview and roles.
using Authorizer = std::function<Outcome<Done>(const Call&)>;

// What becomes of a namespace of the cluster around the API. An error: nobody can tell now.
using NamespaceStateOf = std::function<Result<ports::NamespaceState>(const std::string& name)>;

struct Context {
  ports::ObjectStore& store;
  const Clock& clock;
  Random& random;
  observe::Logger logger;
  std::vector<Admission> admission;  // in order, after validation of fields; each may refuse or change the object
  ParseYaml parse_yaml;              // none: YAML bodies are answered 415
  Authorizer authorize;              // none: everybody may do everything; asked again for an apply that creates
  NamespaceStateOf namespace_state;  // none: namespaces are objects of the store
};

// An object as the client asked for it (object, table or metadata), with the call's warnings.
Outcome<http::Response> AnswerObject(const Context& context, const Call& call, int status, const std::string& bytes);
// Adds the call's warnings, each once, cut to the size that clients take.
void AddWarnings(const Call& call, http::Response& response);

}  // namespace asya::apiserver
