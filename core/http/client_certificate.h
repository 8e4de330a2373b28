// Client certificates: which CAs a server asks for, and who a peer has proved to be. Internal to core/http.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/http/message.h"
#include "core/http/server.h"

namespace asya::http {

// Names the CAs to clients and keeps them in the context. A certificate that does not verify does not end the
// handshake: that peer may have a token too, and gets an answer that says what is wrong instead of a broken connection.
Status AskForClientCertificates(SSL_CTX* context, const ClientAuthorities& authorities);

// After the handshake, in which the peer has proved to hold the key: what it has shown, as the authorities of `judge`
// see it now; null where none was shown or nobody is to be asked, kUnauthorized where it verifies by none of them.
Result<std::shared_ptr<const ClientCertificate>> VerifiedCertificate(SSL* ssl, SSL_CTX* judge);

}  // namespace asya::http
