// ScalerOptions: where KEDA finds our scaler, and how it is spoken to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compositions/settings.h"
#include "core/base/result.h"
#include "server/flags.h"

namespace asya::server {

struct ScalerOptions {
  std::string address;  // an IP address to listen on; empty: KEDA is not served
  std::uint16_t port = 0;
  std::string advertised;  // host:port as KEDA reaches it; empty: that of the Service of this server
  bool tls = true;         // by the certificate that the server serves with
  // In the namespaces of actors, with the ca.crt that KEDA believes; empty: a ConfigMap that is made.
  std::string ca_secret;
};

// --scaler-listen, --scaler-address, --scaler-tls, --scaler-ca-secret.
void AddScalerFlags(ScalerOptions& options, std::map<std::string, FlagSetter>& flags);
// What does not go together.
void CheckScaler(const ScalerOptions& options, bool controllers, std::vector<Error>& errors);
// What the ScaledObjects of actors say about it; `service`: by which name the server is reached in its cluster.
void Advertise(const ScalerOptions& options, const std::string& service, compositions::Settings& settings);

}  // namespace asya::server
