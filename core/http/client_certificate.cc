#include "core/http/client_certificate.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <ctime>
#include <optional>
#include <utility>
#include <vector>

namespace asya::http {
namespace {

struct Freeing {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};

constexpr std::size_t kCertificateAuthoritiesMax = 1024;

// The whole outcome is left in the context, and with it in SSL_get_verify_result; the handshake goes on either way.
int VerifyAndGoOn(X509_STORE_CTX* store, void* /*unused*/) {
  if (X509_verify_cert(store) <= 0 && X509_STORE_CTX_get_error(store) == X509_V_OK) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
  }
  ERR_clear_error();
  return 1;
}

// Nothing for what is no text, or holds a byte that would end it elsewhere.
std::optional<std::string> TextOf(const X509_NAME_ENTRY* entry) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(entry));
  if (size < 0) {
    ERR_clear_error();
    return std::nullopt;
  }
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
  }
  return text;
}

Error NotTrusted(const std::string& why) { return Fail(ErrorCode::kUnauthorized, why); }

}  // namespace

Status AskForClientCertificates(SSL_CTX* context, const std::string& ca_pem) {
  const std::unique_ptr<BIO, Freeing> bio(BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())));
  std::size_t count = 0;
  while (const std::unique_ptr<X509, Freeing> certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (++count > kCertificateAuthoritiesMax) {
      return Invalid("tls.client_ca",
                     "more than " + std::to_string(kCertificateAuthoritiesMax) + " client CAs were given");
    }
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) != 1 ||
        SSL_CTX_add_client_CA(context, certificate.get()) != 1) {
      ERR_clear_error();
      return Invalid("tls.client_ca", "certificate " + std::to_string(count) + " of the client CAs cannot be used");
    }
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (count == 0) return Invalid("tls.client_ca", "the client CAs are no certificates in PEM");
  if (!at_end) {
    return Invalid("tls.client_ca", "certificate " + std::to_string(count + 1) + " of the client CAs cannot be read");
  }
  // Each one given is believed, also one that another CA has signed, as in the servers that are written in Go.
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, VerifyAndGoOn, nullptr);
  // A session that is resumed would carry a certificate that nobody has looked at since.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  return Ok();
}

Result<std::shared_ptr<const ClientCertificate>> VerifiedCertificate(SSL* ssl) {
  const std::unique_ptr<X509, Freeing> certificate(SSL_get1_peer_certificate(ssl));
  if (!certificate) return std::shared_ptr<const ClientCertificate>();
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK) return NotTrusted(X509_verify_cert_error_string(verified));
  ClientCertificate shown;
  const X509_NAME* subject = X509_get_subject_name(certificate.get());
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    const int kind = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (kind != NID_commonName && kind != NID_organizationName) continue;
    auto text = TextOf(entry);
    if (!text) return NotTrusted("its subject holds what is no text");
    if (kind == NID_commonName) {
      shown.common_name = std::move(*text);
    } else {
      shown.organizations.push_back(std::move(*text));
    }
  }
  std::tm until{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &until) != 1) return NotTrusted("its end cannot be read");
  shown.not_after = WallTime(std::chrono::seconds(::timegm(&until)));
  return std::make_shared<const ClientCertificate>(std::move(shown));
}

}  // namespace asya::http
