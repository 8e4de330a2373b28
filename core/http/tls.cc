#include "core/http/tls.h"

#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <utility>

#include "core/http/client_certificate.h"

namespace asya::http {
namespace {

// Go's clients offer h2 first; without an answer some of them give up instead of falling back.
int SelectHttp11(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                 void*) {
  static constexpr unsigned char kProtocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocols, sizeof kProtocols, in, in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<boost::asio::ssl::context> MakeTlsContext(const TlsIdentity& identity,
                                                 const ClientAuthorities& client_authorities) {
  namespace ssl = boost::asio::ssl;
  ssl::context context(ssl::context::tls_server);
  boost::system::error_code error;
  context.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1, error);
  context.use_certificate_chain(boost::asio::buffer(identity.certificate_pem), error);
  if (error) return Invalid("tls.certificate", "the certificate is no PEM chain: " + error.message());
  context.use_private_key(boost::asio::buffer(identity.key_pem), ssl::context::pem, error);
  if (error) return Invalid("tls.key", "the key is no PEM key of this certificate: " + error.message());
  if (SSL_CTX_check_private_key(context.native_handle()) != 1) {
    return Invalid("tls.key", "the key is not the key of the certificate");
  }
  SSL_CTX_set_alpn_select_cb(context.native_handle(), SelectHttp11, nullptr);
  if (!client_authorities.empty()) {
    ASYA_TRY_STATUS(AskForClientCertificates(context.native_handle(), client_authorities));
  }
  return context;
}

Status CheckTls(const TlsIdentity& identity, const ClientAuthorities& client_authorities) {
  ASYA_TRY([[maybe_unused]] const auto context, MakeTlsContext(identity, client_authorities));
  return Ok();
}

}  // namespace asya::http
