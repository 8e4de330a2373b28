// Tls: OpenSSL contexts of the server. Internal to core/http.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include "core/base/result.h"
#include "core/http/server.h"

namespace asya::http {

// TLS 1.2 and later, HTTP/1.1 by ALPN. kInvalid when certificate and key are no pair or no PEM.
Result<boost::asio::ssl::context> MakeTlsContext(const TlsIdentity& identity);

}  // namespace asya::http
