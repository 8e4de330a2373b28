// PubsubAddress: which project of which Pub/Sub, read from a Transport's or a relay's settings.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace asya::transports::pubsub {

struct PubsubAddress {
  std::string project;
  std::string host = "pubsub.googleapis.com";
  std::string port = "443";
  bool tls = true;
};

// `endpoint`: "" for Google's own; "host[:port]" or "http[s]://host[:port]" for another. Without a scheme it is plain
// text on the loopback, as emulators are, and TLS elsewhere; plain text elsewhere is kInvalid.
Result<PubsubAddress> ParseEndpoint(const std::string& project, std::string_view endpoint);

}  // namespace asya::transports::pubsub
