// Own certificates: authorities that a server makes for itself, and what they sign (OpenSSL behind it).
#pragma once

#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/http/server.h"

namespace asya::http {

// When a certificate is believed.
struct Validity {
  WallTime from;
  WallTime until;
};
// Of the first certificate of a PEM text; kInvalid where there is none.
Result<Validity> ValidityOf(const std::string& certificate_pem);

// A certificate authority of its own (ECDSA P-256); nobody but who is told of it believes it.
Result<TlsIdentity> MakeAuthority(const std::string& common_name, const Validity& validity);

// A certificate of a server, for clients that call it by one of these names (of hosts, not addresses; not none), with a
// key of its own. kInvalid where the authority is none.
Result<TlsIdentity> SignServer(const TlsIdentity& authority, const std::vector<std::string>& names,
                               const Validity& validity);

}  // namespace asya::http
