// RenderAggregation: what `asya-server render apiservice` prints: the objects by which a cluster takes this server as
// the API of asya.sh, as YAML.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace asya::server {

// On which relays report, of the Service and of the server.
inline constexpr int kReportsPort = 6444;

struct AggregationSettings {
  std::string namespace_ = "asya-system";  // of the server
  std::string service = "asya-server";     // by which kube-apiserver finds it
  std::string service_account = "asya-server";
  std::string ca_pem;           // of the certificate of the server; empty: it makes its own
  std::string external_name{};  // of a server that is no pod: its host; empty: pods of the service
  bool controllers = false;     // the server runs them too, and needs their rights
  bool webhooks = false;        // it is asked about pods of others
  int webhooks_port = 0;        // of the service, and of a server that is no pod: its own; 0: that of the API
  // Names of Transports, and of each the Secrets that it names, as NAMESPACE/NAME.
  std::map<std::string, std::set<std::string>> credentials{};
  int port = 443;  // of the service; of a server that is no pod: its own
};

// `--namespace`, `--service`, `--service-account`, `--ca-file FILE`, `--external-name`, `--controllers`, `--webhooks`,
// `--webhooks-port`,
// `--credentials TRANSPORT=[NAMESPACE/]SECRET`, which may come again, and `--port`; all mistakes.
std::vector<Error> ParseAggregationFlags(const std::vector<std::string>& arguments, AggregationSettings& settings);

// The same bytes for the same settings.
std::string RenderAggregation(const AggregationSettings& settings);

}  // namespace asya::server
