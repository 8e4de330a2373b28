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
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_STORE_CTX* verification) const { X509_STORE_CTX_free(verification); }
};
using Store = std::unique_ptr<X509_STORE, Freeing>;

constexpr std::size_t kCertificateAuthoritiesMax = 1024;

// Whom a context trusts; null where no CA was given.
struct Trust {
  Store users;
  Store front_proxies;
};

void FreeTrust(void* /*parent*/, void* trust, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*argument*/,
               void* /*argument*/) {
  delete static_cast<Trust*>(trust);
}

// Where a context keeps its Trust.
int TrustIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, FreeTrust);
  return index;
}

// Who the peer is, is judged after the handshake, and again when the authorities change.
int GoOn(X509_STORE_CTX* verification, void* /*unused*/) {
  X509_STORE_CTX_set_error(verification, X509_V_OK);
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

// Null for an empty `pem`. The field of an error is tls.client_ca.
Result<Store> ReadAuthorities(SSL_CTX* context, const std::string& pem) {
  if (pem.empty()) return Store();
  Store store(X509_STORE_new());
  const std::unique_ptr<BIO, Freeing> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::size_t count = 0;
  while (const std::unique_ptr<X509, Freeing> certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (++count > kCertificateAuthoritiesMax) {
      return Invalid("tls.client_ca",
                     "more than " + std::to_string(kCertificateAuthoritiesMax) + " client CAs were given");
    }
    if (X509_STORE_add_cert(store.get(), certificate.get()) != 1 ||
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
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  return store;
}

// X509_V_OK, or what is wrong with the peer's certificate by these CAs.
long VerifyBy(X509_STORE* authorities, SSL* ssl, X509* certificate) {
  if (authorities == nullptr) return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
  const std::unique_ptr<X509_STORE_CTX, Freeing> verification(X509_STORE_CTX_new());
  if (!verification ||
      X509_STORE_CTX_init(verification.get(), authorities, certificate, SSL_get_peer_cert_chain(ssl)) != 1 ||
      X509_STORE_CTX_set_default(verification.get(), "ssl_client") != 1) {
    ERR_clear_error();
    return X509_V_ERR_UNSPECIFIED;
  }
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(verification.get()), SSL_get_security_level(ssl));
  const bool verified = X509_verify_cert(verification.get()) == 1;
  ERR_clear_error();
  const int error = X509_STORE_CTX_get_error(verification.get());
  if (verified) return error;
  return error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error;
}

// What it says, whoever vouches for it.
Result<ClientCertificate> Read(const X509* certificate) {
  ClientCertificate shown;
  const X509_NAME* subject = X509_get_subject_name(certificate);
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
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until) != 1) return NotTrusted("its end cannot be read");
  shown.not_after = WallTime(std::chrono::seconds(::timegm(&until)));
  return shown;
}

}  // namespace

Status AskForClientCertificates(SSL_CTX* context, const ClientAuthorities& authorities) {
  auto trust = std::make_unique<Trust>();
  ASYA_TRY(trust->users, ReadAuthorities(context, authorities.users_pem));
  ASYA_TRY(trust->front_proxies, ReadAuthorities(context, authorities.front_proxies_pem));
  if (SSL_CTX_set_ex_data(context, TrustIndex(), trust.get()) != 1) {
    return Fail(ErrorCode::kInternal, "OpenSSL has no room for the client CAs");
  }
  static_cast<void>(trust.release());  // FreeTrust has it now
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, GoOn, nullptr);
  // A session that is resumed would carry a certificate without the chain that leads to an authority.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  return Ok();
}

Result<std::shared_ptr<const ClientCertificate>> VerifiedCertificate(SSL* ssl, SSL_CTX* judge) {
  const std::unique_ptr<X509, Freeing> certificate(SSL_get1_peer_certificate(ssl));
  const auto* trust = static_cast<const Trust*>(SSL_CTX_get_ex_data(judge, TrustIndex()));
  if (!certificate || trust == nullptr) return std::shared_ptr<const ClientCertificate>();
  const long by_users = VerifyBy(trust->users.get(), ssl, certificate.get());
  const long by_front_proxies = VerifyBy(trust->front_proxies.get(), ssl, certificate.get());
  if (by_users != X509_V_OK && by_front_proxies != X509_V_OK) {
    return NotTrusted(X509_verify_cert_error_string(trust->users ? by_users : by_front_proxies));
  }
  ASYA_TRY(ClientCertificate shown, Read(certificate.get()));
  shown.of_user = by_users == X509_V_OK;
  shown.of_front_proxy = by_front_proxies == X509_V_OK;
  return std::make_shared<const ClientCertificate>(std::move(shown));
}

}  // namespace asya::http
