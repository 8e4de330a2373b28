// Peer: an HTTP server that a relay calls for itself: where it is, how it is known, and who the relay is to it.
#pragma once

#include <string>
#include <utility>

#include "core/base/result.h"
#include "relay/address.h"
#include "relay/wire.h"

namespace asya::relay {

struct Peer {
  Peer() = default;
  Peer(Address where) : address(std::move(where)) {}  // NOLINT(google-explicit-constructor): no more is needed

  Address address;
  bool tls = false;
  std::string ca_file;     // PEM; empty: the system's certificates
  std::string token_file;  // of a bearer token; empty: none is shown
};

// Where a connection goes now. The file of the CA is read each time: whoever exchanges it restarts nothing.
Result<Wire::Target> TargetOf(const Peer& peer);
// The header that says who asks, with its end of line; empty without a token. The file is read each time, since such
// tokens are good for an hour. A file that cannot be read is no header, and the peer says what is missing.
std::string AuthorizationOf(const Peer& peer);
// "http://host[:port]", "https://host[:port]" or "unix:/path".
Result<Peer> ParsePeer(std::string_view text);

}  // namespace asya::relay
