// Delegation: who is who and who may do what, left to the cluster in which this server is an aggregated API.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>

#include "apiserver/access/current.h"
#include "apiserver/access/delegated.h"
#include "apiserver/access/front_proxy.h"
#include "apiserver/api_server.h"
#include "cluster/kubernetes/access.h"
#include "cluster/kubernetes/client.h"
#include "core/base/clock.h"
#include "core/base/executor.h"
#include "core/base/result.h"
#include "core/http/message.h"
#include "core/http/server.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/object_store.h"
#include "server/repeated.h"
#include "server/task_access.h"

namespace asya::server {

class Delegation {
 public:
  static constexpr std::chrono::seconds kSettingsPeriod{5};  // between looks at whom to believe
  static constexpr std::size_t kThreads = 16;                // that may wait for the cluster
  static constexpr std::size_t kWaitingRequestsMax = 1024;   // for one of them; 429 above
  static constexpr std::chrono::seconds kWaitMax{10};        // for one of them; 503 after that

  // All of these live longer.
  struct Parts {
    const Clock& clock;
    observe::Logger logger;
    observe::Metrics& metrics;
  };
  Delegation(cluster::kubernetes::Endpoint endpoint, const Parts& parts);
  ~Delegation();
  Delegation(const Delegation&) = delete;
  Delegation& operator=(const Delegation&) = delete;

  // The proxy's headers, then a client certificate, then a bearer token.
  [[nodiscard]] apiserver::Authenticator MakeAuthenticator();
  [[nodiscard]] apiserver::Authorizer MakeAuthorizer();
  // Relays, by tokens of their pods' ServiceAccounts that are for the gateway and for nobody else.
  [[nodiscard]] apiserver::Authenticator MakeRelayAuthenticator();
  [[nodiscard]] TaskRights MakeTaskRights();
  // `store` lives longer.
  [[nodiscard]] apiserver::Admission MakeAdmission(ports::ObjectStore& store);
  [[nodiscard]] apiserver::NamespaceStateOf MakeNamespaces();
  // Answers by `next`: on a thread that may wait where something may have to be asked of the cluster, else at once. The
  // documents of the API are always told at once to who shows a certificate: the discovery of the whole cluster waits
  // for them. Until the cluster has said whom to believe, 503 for all but health: nobody is to hear that they are
  // nobody.
  [[nodiscard]] http::Handler Dispatch(http::Handler next);

  // Looks at once and then every kSettingsPeriod whom the cluster says to believe; `use` gets the CAs before their
  // users are known. What cannot be read or used leaves what was known before.
  void Start(std::function<Status(const http::ClientAuthorities&)> use);
  // Answers what waits, with 503 where that needs the cluster, and ends all calls of `client`. Idempotent.
  void Stop();
  // Fails until the cluster has said whom to believe.
  [[nodiscard]] Status Ready() const;
  // Requests that wait for a thread.
  [[nodiscard]] std::size_t Waiting() const { return executor_.Waiting(); }
  cluster::kubernetes::Client& client() { return client_; }

 private:
  Status Look();
  Status ReadSettings();

  const observe::Logger logger_;
  const Clock& clock_;
  const observe::Counter taken_;
  const observe::Counter failed_;
  const observe::Counter refused_;
  observe::Metrics& metrics_;
  cluster::kubernetes::Client client_;
  cluster::kubernetes::KubernetesAccess access_;
  cluster::kubernetes::KubernetesAccess relay_access_;
  std::shared_ptr<apiserver::AccessReviews> reviews_;
  std::shared_ptr<apiserver::Current<apiserver::FrontProxySettings>> settings_;
  std::function<Status(const http::ClientAuthorities&)> use_;
  Executor executor_;
  json::Value seen_;  // of the ConfigMap, as it is in use
  std::atomic<bool> ready_ = false;
  Repeated repeated_;
};

}  // namespace asya::server
