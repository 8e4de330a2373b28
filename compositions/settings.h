// Settings: what an installation adds to every rendered actor; read once at start, the same for all actors.
#pragma once

#include <map>
#include <string>

namespace asya::compositions {

// Whom the tokens are for that relays show to the gateway; they are good for nothing else in the cluster.
inline constexpr const char* kGatewayAudience = "asya-gateway";

struct Settings {
  std::string relay_image = "asya-relay:latest";
  std::string relay_image_pull_policy = "IfNotPresent";
  // Address that relays report to: http://host:port, https://host:port or unix:/path; empty: no reports.
  std::string gateway_url;
  // Of an https gateway: the CAs by which relays know it. Where it is given they get it as a file, and beside it a
  // token of their pod's ServiceAccount by which the gateway knows them.
  std::string gateway_ca_pem;
  // What every relay gets in its environment beside what belongs to its actor, e.g. ASYA_CLAIM_STORE; no secrets.
  std::map<std::string, std::string> relay_environment;
  // Unix socket of the server's SQLite broker, for actors on a transport of type sqlite.
  std::string sqlite_socket = "/var/run/asya-broker/broker.sock";
  // host:port of our external scaler, as KEDA reaches it.
  std::string scaler_address = "asya-scaler.asya-system.svc:6000";
  // KEDA speaks TLS to it.
  bool scaler_tls = false;
  // Secret in the namespaces of actors for that, with the ca.crt by which KEDA believes it.
  std::string scaler_ca_secret;
  // Without such a Secret: the CAs by which KEDA believes it, which it gets beside each actor; empty: by the CAs of
  // KEDA's system.
  std::string scaler_ca_pem;
  // The runtime archive in base64 and a hash of it. A change of the hash replaces the pods.
  std::string runtime_base64;
  std::string runtime_hash;
  // Image of each built-in state connector, by stateProxy[].connector.type.
  std::map<std::string, std::string> connector_images;
  // The runtime serves spec.stateProxy. That of this release refuses to start with it.
  bool serves_state = false;
};

}  // namespace asya::compositions
