// Client certificates: which CAs a server asks for, and who a peer has proved to be. Internal to core/http.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/http/message.h"

namespace asya::http {

// Names the CAs of `ca_pem` to clients and verifies what they show. A certificate that does not verify does not end the
// handshake: that peer may have a token too, and gets an answer that says what is wrong instead of a broken connection.
Status AskForClientCertificates(SSL_CTX* context, const std::string& ca_pem);

// After the handshake; null where none was shown, kUnauthorized where it does not verify.
Result<std::shared_ptr<const ClientCertificate>> VerifiedCertificate(SSL* ssl);

}  // namespace asya::http
