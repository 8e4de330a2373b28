#include "server/scaler_options.h"

#include "model/validate/syntax.h"

namespace asya::server {
namespace {

constexpr const char* kListen = "--scaler-listen";
constexpr const char* kAddress = "--scaler-address";
constexpr const char* kTls = "--scaler-tls";
constexpr const char* kCaSecret = "--scaler-ca-secret";

}  // namespace

void AddScalerFlags(ScalerOptions& options, std::map<std::string, FlagSetter>& flags) {
  flags[kListen] = [&options](const std::string& value) -> Status {
    ASYA_TRY(ListenAddress parsed, ParseListen(kListen, value));
    options.address = std::move(parsed.address);
    options.port = parsed.port;
    return Ok();
  };
  flags[kAddress] = [&options](const std::string& value) -> Status {
    const auto colon = value.rfind(':');
    if (colon == std::string::npos || colon == 0 || !ParsePort(kAddress, value.substr(colon + 1)).ok()) {
      return Invalid(kAddress, "got \"" + value + "\"; host:port is accepted, as KEDA reaches it");
    }
    options.advertised = value;
    return Ok();
  };
  flags[kTls] = AllOrNoneFlag(kTls, options.tls);
  flags[kCaSecret] = [&options](const std::string& value) -> Status {
    if (!model::IsDnsLabel(value)) {
      return Invalid(kCaSecret, "got \"" + value + "\"; the name of a Secret is accepted");
    }
    options.ca_secret = value;
    return Ok();
  };
}

void CheckScaler(const ScalerOptions& options, bool controllers, std::vector<Error>& errors) {
  if (!options.address.empty() && !controllers) {
    errors.push_back(Invalid(kListen, "is accepted with --controllers alone"));
  }
  if (!options.ca_secret.empty() && !options.tls) {
    errors.push_back(Invalid(kCaSecret, "is of no use with " + std::string(kTls) + "=none"));
  }
  if (options.address.empty() && (!options.advertised.empty() || !options.ca_secret.empty())) {
    errors.push_back(Invalid(kListen, "is missing; the other flags of the scaler need it"));
  }
}

void Advertise(const ScalerOptions& options, const std::string& service, compositions::Settings& settings) {
  if (options.address.empty()) return;
  settings.scaler_address =
      options.advertised.empty() ? service + ":" + std::to_string(options.port) : options.advertised;
  settings.scaler_tls = options.tls;
  settings.scaler_ca_secret = options.ca_secret;
}

}  // namespace asya::server
