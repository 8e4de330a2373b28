// ApiServer: the Kubernetes API of asya.sh/v1alpha1 over an object store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/call.h"
#include "apiserver/plan.h"
#include "apiserver/status_error.h"
#include "apiserver/watch_session.h"
#include "core/base/result.h"
#include "core/http/message.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/object_store.h"

namespace asya::apiserver {

// Who asks: a user, nobody who is known (401), or somebody who cannot be looked up now (the failure is the answer).
class Identity {
 public:
  // NOLINTBEGIN(google-explicit-constructor): each of them is a whole answer
  Identity(std::nullopt_t) {}
  Identity(User user) : user_(std::move(user)) {}
  Identity(std::optional<User> user) : user_(std::move(user)) {}
  Identity(StatusError failure) : failure_(std::move(failure)) {}
  // NOLINTEND(google-explicit-constructor)

  explicit operator bool() const { return user_.has_value(); }
  const User& operator*() const { return *user_; }
  const User* operator->() const { return &*user_; }
  [[nodiscard]] const std::optional<StatusError>& failure() const { return failure_; }

 private:
  std::optional<User> user_;
  std::optional<StatusError> failure_;
};

// May block only where Handle is called on a thread that may.
using Authenticator = std::function<Identity(const http::Request&)>;

struct ApiServerSettings {
  std::size_t threads = 4;               // that block on the store
  std::size_t waiting_limit = 1024;      // requests that wait for one of them; 429 above
  std::size_t revision_waits_max = 256;  // requests and watches that wait for a revision; 504 at once above
  WatchSettings watch;
  bool health_tells_why = true;   // of a check that failed; health is told to everybody
  bool own_group_alone = false;   // behind kube-apiserver, which serves namespaces, events and reviews
  std::string version = "0.1.0";  // of the product, shown by /version
};

class ApiServer {
 public:
  struct Parts {
    ports::ObjectStore& store;
    const Clock& clock;
    Random& random;
    observe::Logger logger;
    observe::Metrics* metrics = nullptr;
    Authenticator authenticate;
    Authorizer authorize;  // none: everybody who is known may do everything
    std::vector<Admission> admission;
    std::function<asya::Status()> ready;  // for /readyz, beside the store; runs on a thread that may block
    ParseYaml parse_yaml{};               // for bodies of application/yaml; none: they are answered 415
    NamespaceStateOf namespace_state{};   // none: namespaces are objects of the store
    // `authorize` judges by resource and namespace (and namespaces by their name) alone, so that all it allows can be
    // listed.
    bool rules_are_complete = false;
    FindPlanner find_planner{};  // none: plans are answered 405
  };

  ApiServer(Parts parts, ApiServerSettings settings);
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // Makes the namespace `default`, where namespaces are its own, and begins to serve. Fails when the store is away.
  asya::Status Start();
  // Ends watches cleanly and finishes what runs. Idempotent.
  void Stop();

  // A handler of http::Server: /api, /apis, /openapi, /version, /healthz, /livez, /readyz; 404 as a Status elsewhere.
  void Handle(http::Request request, http::Responder responder);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

// Known by one bearer token, compared in constant time.
Authenticator StaticToken(std::string token, User user);

}  // namespace asya::apiserver
