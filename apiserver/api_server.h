// ApiServer: the Kubernetes API of asya.sh/v1alpha1 over an object store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/call.h"
#include "apiserver/watch_session.h"
#include "core/base/result.h"
#include "core/http/message.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/object_store.h"

namespace asya::apiserver {

// Who asks; nullopt is answered 401. Must not block.
using Authenticator = std::function<std::optional<User>(const http::Request&)>;

struct ApiServerSettings {
  std::size_t threads = 4;               // that block on the store
  std::size_t waiting_limit = 1024;      // requests that wait for one of them; 429 above
  std::size_t revision_waits_max = 256;  // requests and watches that wait for a revision; 504 at once above
  WatchSettings watch;
  bool health_tells_why = true;          // of a check that failed; health is told to everybody
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
    // `authorize` judges by resource and namespace (and namespaces by their name) alone, so that all it allows can be
    // listed.
    bool rules_are_complete = false;
  };

  ApiServer(Parts parts, ApiServerSettings settings);
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // Makes the namespace `default` and begins to serve. Fails when the store is away.
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
