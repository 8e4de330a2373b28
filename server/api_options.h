// ApiOptions: what `asya-server api` is told: where it listens, by what it knows users, what they may do.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/access/oidc.h"
#include "apiserver/access/roles.h"
#include "apiserver/access/token_file.h"
#include "cluster/kubernetes/endpoint.h"
#include "core/base/result.h"
#include "core/http/server.h"
#include "core/observe/log.h"
#include "server/options.h"
#include "server/scaler_options.h"
#include "storage/history_retention.h"

namespace asya::server {

// Flags have the names that kube-apiserver gave them, where it has such.
struct ApiOptions {
  std::string address;  // an IP address
  std::uint16_t port = 0;
  std::string tls_cert_file;
  std::string tls_private_key_file;
  std::string cert_dir;        // on loopback, in place of the two: a self-signed pair is made and kept here
  std::string client_ca_file;  // the rest may be empty
  std::string token_auth_file;
  apiserver::OidcSettings oidc;  // without an issuer: none
  std::string oidc_ca_file;
  std::string roles_file;
  // Behind kube-apiserver: the kubeconfig of its cluster, or kInCluster; empty: alone.
  std::string aggregated;
  std::string serving_ca_file;          // of the CA to be kept in the APIService; empty: that is left to others
  std::string service = "asya-server";  // of the namespace, by which kube-apiserver calls this server
  // Whether this server also makes of the actors what the cluster runs; with the images and the runtime of their pods.
  bool controllers = false;
  bool webhooks = false;  // whether it is asked about pods of others; with the same images and runtime
  // A port of the webhooks' own; none: they are on that of the API.
  std::string webhooks_address;
  std::optional<std::uint16_t> webhooks_port;
  std::string runtime_archive;  // asya_runtime.pyz
  std::string relay_image = "asya-relay:latest";
  std::string crew_image = "asya-crew:latest";
  // With controllers: where relays report; the server is the gateway too then. No port: it is not.
  std::string reports_address;
  std::optional<std::uint16_t> reports_port;
  std::string gateway_url;  // which relays report to; empty: this server's own port for it, or none
  ScalerOptions scaler;
  std::string encryption_key_file;
  std::string database_url;   // PostgreSQL; exactly one of the two
  std::string database_file;  // SQLite
  storage::HistoryRetention history;
  observe::Level log_level = observe::Level::kInfo;
};

// What the files hold that the options name, beside the CA of the issuer, which is put into its settings.
struct ApiFiles {
  http::TlsIdentity identity;
  std::string client_ca_pem;
  std::string token_text;
  apiserver::TokenFile tokens;
  std::string roles_text;
  apiserver::Roles roles;
  cluster::kubernetes::Endpoint cluster;  // with ApiOptions::aggregated
  std::string serving_ca_pem;
  std::string encryption_key_text;  // empty: none was given
  std::string runtime_bytes;        // with ApiOptions::controllers
  // The server's own environment, which may hold credentials of brokers.
  std::map<std::string, std::string> variables;
};

// Behind kube-apiserver, where none is given: the server makes its certificate itself and keeps it in a Secret.
bool MakesOwnCertificate(const ApiOptions& options);
// Whether the servers bring the CA to KEDA by which it believes their scaler: nobody else does, and it is known.
bool TellsKedaTheCa(const ApiOptions& options);

inline constexpr const char* kInCluster = "in-cluster";
inline constexpr const char* kEmptyCa = "the file is empty: no client certificate would be asked for";

// All mistakes, each with the value seen and what is accepted, in flags and in files; empty when both are complete.
std::vector<Error> ParseApiOptions(const std::vector<std::string>& arguments, const Environment& environment,
                                   ApiOptions& options, ApiFiles& files);

// Of the text of --serving-ca-file.
Status CheckServingCa(const std::string& text);
// Of the text of --roles-file.
Result<apiserver::Roles> ParseRolesText(const std::string& text);

}  // namespace asya::server
