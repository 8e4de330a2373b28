#include "server/controller_options.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstddef>
#include <string>

#include "core/base/base64.h"
#include "core/base/random.h"
#include "core/base/sha256.h"
#include "server/render_aggregation.h"

namespace asya::server {
namespace {

constexpr std::size_t kRuntimeHashDigits = 16;

std::string HostName() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

compositions::Settings ComposerSettings(const ApiOptions& options, const ApiFiles& files) {
  compositions::Settings settings;
  settings.relay_image = options.relay_image;
  settings.gateway_url = options.gateway_url;
  if (options.reports_port && options.gateway_url.empty()) {
    settings.gateway_url =
        "https://" + options.service + "." + files.cluster.namespace_ + ".svc:" + std::to_string(kReportsPort);
  }
  settings.runtime_base64 = EncodeBase64(files.runtime_bytes);
  settings.runtime_hash = Sha256Hex(files.runtime_bytes).substr(0, kRuntimeHashDigits);
  return settings;
}

}  // namespace

ControllerOptions MakeControllerOptions(const ApiOptions& options, const ApiFiles& files) {
  ControllerOptions made;
  made.replica = HostName() + "_" + NewUuid();
  made.namespace_ = files.cluster.namespace_;
  made.crew_image = options.crew_image;
  made.composer = ComposerSettings(options, files);
  made.variables = files.variables;
  made.scaler = options.scaler;
  Advertise(options.scaler, options.service + "." + files.cluster.namespace_ + ".svc", made.composer);
  return made;
}

}  // namespace asya::server
