// CaBundle: the CAs by which kube-apiserver knows this server, kept in its APIService.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "cluster/kubernetes/client.h"
#include "core/base/result.h"
#include "core/observe/log.h"
#include "server/repeated.h"

namespace asya::server {

// `own` and then what else `known` holds, each certificate once, kBundleCertificatesMax at most: who has a certificate
// of the CA before goes on being known while another server, or this one, comes with a new one.
inline constexpr std::size_t kBundleCertificatesMax = 8;
std::string MergeBundles(const std::string& own, const std::string& known);

class CaBundle {
 public:
  static constexpr std::chrono::seconds kPeriod{5};  // between looks

  // `client` lives longer. `own`: certificates in PEM.
  CaBundle(cluster::kubernetes::Client& client, std::string own, observe::Logger logger);

  // Looks at once and then every kPeriod: somebody may write the APIService anew, as `kubectl apply` does.
  void Start() { repeated_.Start(); }
  // Idempotent.
  void Stop() { repeated_.Stop(); }
  // From the next look on.
  void Replace(std::string own);
  // Whether the last look saw these certificates in the APIService, or that there is none.
  [[nodiscard]] bool InPlace(const std::string& pem) const;
  // One look, on this thread: adds what is missing. An APIService that is not there is no failure.
  Status Look();

 private:
  cluster::kubernetes::Client& client_;
  const observe::Logger logger_;
  mutable std::mutex mutex_;
  std::string own_;
  bool absent_ = false;             // there is no APIService
  std::vector<std::string> there_;  // in it, at the last look
  Repeated repeated_;
};

}  // namespace asya::server
