// Tls: OpenSSL contexts of the server. Internal to core/http.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/base/result.h"
#include "core/http/server.h"

namespace asya::http {

// TLS 1.2 and later, HTTP/1.1 by ALPN; asks for client certificates where there are authorities. kInvalid when
// certificate and key are no pair or no PEM, or no CA can be read.
Result<boost::asio::ssl::context> MakeTlsContext(const TlsIdentity& identity,
                                                 const ClientAuthorities& client_authorities);

// The context that new connections get. Thread safe.
class CurrentTls {
 public:
  // As MakeTlsContext; the one before stays where it fails.
  Status Replace(const TlsIdentity& identity, const ClientAuthorities& client_authorities) {
    ASYA_TRY(boost::asio::ssl::context made, MakeTlsContext(identity, client_authorities));
    auto next = std::make_shared<boost::asio::ssl::context>(std::move(made));
    const std::lock_guard lock(mutex_);
    context_.swap(next);
    return Ok();
  }
  // Null where no TLS is spoken.
  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> Get() const {
    const std::lock_guard lock(mutex_);
    return context_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace asya::http
