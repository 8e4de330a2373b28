// Authenticators: who asks, by client certificate or bearer token, as with kube-apiserver.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apiserver/access/current.h"
#include "apiserver/access/token_file.h"
#include "apiserver/api_server.h"
#include "core/base/clock.h"

namespace asya::apiserver {

// The first that knows the user, or would have to and cannot tell now.
Authenticator FirstOf(std::vector<Authenticator> authenticators);

// The common name of a verified client certificate is the user, its organizations are the groups. One that has expired
// since its connection began counts no longer.
Authenticator ByClientCertificate(const Clock& clock);

// The tokens of a file, which may be exchanged at any time.
Authenticator ByTokenFile(std::shared_ptr<const Current<TokenFile>> tokens);

// What stands behind "Bearer " in the Authorization header; empty where there is none.
std::string BearerToken(const http::Request& request);

}  // namespace asya::apiserver
