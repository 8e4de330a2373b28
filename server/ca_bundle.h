// CaBundle: the CAs by which kube-apiserver knows this server, kept in its APIService and in the configurations of its
// webhooks, whoever writes them anew.
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

// An object of the cluster that names them.
struct BundlePlace {
  std::string what;  // for a person
  std::string path;
  bool of_webhooks = false;  // each of its webhooks does, and not its spec
};
// The APIService, and with `webhooks` the two configurations.
std::vector<BundlePlace> BundlePlaces(bool webhooks);

class CaBundle {
 public:
  static constexpr const char* kFieldManager = "asya-ca-bundle";
  static constexpr std::chrono::seconds kPeriod{5};  // between looks

  // `client` lives longer. `own`: certificates in PEM.
  CaBundle(cluster::kubernetes::Client& client, std::string own, observe::Logger logger,
           std::vector<BundlePlace> places = BundlePlaces(false));

  // Looks at once and then every kPeriod: somebody may write them anew, as `kubectl apply`, Helm and Argo CD do.
  void Start() { repeated_.Start(); }
  // Idempotent.
  void Stop() { repeated_.Stop(); }
  // From the next look on.
  void Replace(std::string own);
  // Whether the last look saw these certificates in each place that there is.
  [[nodiscard]] bool InPlace(const std::string& pem) const;
  // One look, on this thread: adds what is missing. A place that is not there is no failure; of several failures the
  // first is told, after all places were looked at.
  Status Look();

 private:
  // What the last look saw of a place.
  struct Seen {
    bool absent = false;
    std::vector<std::string> there;  // certificates, in all of its webhooks
  };
  Status LookAt(const BundlePlace& place, Seen& seen);

  cluster::kubernetes::Client& client_;
  const observe::Logger logger_;
  const std::vector<BundlePlace> places_;
  mutable std::mutex mutex_;
  std::string own_;
  std::vector<Seen> seen_;  // of each place
  Repeated repeated_;
};

}  // namespace asya::server
