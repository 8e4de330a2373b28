#include "core/http/tls_pipe.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <utility>

namespace asya::http {
namespace {

constexpr std::size_t kPieceBytes = 16 * 1024;  // a TLS record

std::string OpensslText() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

bool Trust(SSL_CTX* context, const std::string& ca_pem) {
  if (ca_pem.empty()) return SSL_CTX_set_default_verify_paths(context) == 1;
  BIO* bio = BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size()));
  int trusted = 0;
  while (X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
    trusted += X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
    X509_free(certificate);
  }
  ERR_clear_error();  // the end of the text is an error to it
  BIO_free(bio);
  return trusted > 0;
}

}  // namespace

struct TlsPipe::State {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = nullptr;
  BIO* in = nullptr;    // owned by ssl
  BIO* out = nullptr;   // owned by ssl
  std::string waiting;  // until the handshake is over
  bool shaken = false;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
};

TlsPipe::TlsPipe(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsPipe::~TlsPipe() = default;

Result<std::unique_ptr<TlsPipe>> TlsPipe::Create(const std::string& host, const std::string& ca_pem,
                                                 const std::string& protocol) {
  auto state = std::make_unique<State>();
  if (state->context == nullptr) return Fail(ErrorCode::kInternal, "OpenSSL: " + OpensslText());
  SSL_CTX_set_min_proto_version(state->context, TLS1_2_VERSION);
  SSL_CTX_set_verify(state->context, SSL_VERIFY_PEER, nullptr);
  if (!Trust(state->context, ca_pem)) return Invalid("tls.ca", "no certificate that could be trusted was given");
  state->ssl = SSL_new(state->context);
  state->in = BIO_new(BIO_s_mem());
  state->out = BIO_new(BIO_s_mem());
  SSL_set_bio(state->ssl, state->in, state->out);
  SSL_set_connect_state(state->ssl);
  SSL_set_tlsext_host_name(state->ssl, host.c_str());
  if (!protocol.empty()) {
    const std::string offer = static_cast<char>(protocol.size()) + protocol;
    const auto* bytes = reinterpret_cast<const unsigned char*>(offer.data());
    SSL_set_alpn_protos(state->ssl, bytes, static_cast<unsigned>(offer.size()));
  }
  X509_VERIFY_PARAM* parameters = SSL_get0_param(state->ssl);
  // An address in numbers is compared with the addresses of the certificate, any other with its names.
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) != 1) SSL_set1_host(state->ssl, host.c_str());
  ERR_clear_error();
  std::unique_ptr<TlsPipe> pipe(new TlsPipe(std::move(state)));
  ASYA_TRY_STATUS(pipe->Shake());
  return pipe;
}

Status TlsPipe::Shake() {
  if (state_->shaken) return Ok();
  const int done = SSL_do_handshake(state_->ssl);
  if (done == 1) {
    state_->shaken = true;
    const std::string waiting = std::exchange(state_->waiting, {});
    return waiting.empty() ? Ok() : Send(waiting);
  }
  const int why = SSL_get_error(state_->ssl, done);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return Ok();
  const long verified = SSL_get_verify_result(state_->ssl);
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return Fail(ErrorCode::kUnauthorized,
                std::string("the certificate is not trusted: ") + X509_verify_cert_error_string(verified));
  }
  return Invalid("", "the TLS handshake failed: " + OpensslText());
}

Status TlsPipe::Receive(std::string_view cipher, std::string& plain) {
  if (!cipher.empty()) BIO_write(state_->in, cipher.data(), static_cast<int>(cipher.size()));
  ASYA_TRY_STATUS(Shake());
  if (!state_->shaken) return Ok();
  std::array<char, kPieceBytes> piece;
  for (;;) {
    const int count = SSL_read(state_->ssl, piece.data(), static_cast<int>(piece.size()));
    if (count > 0) {
      plain.append(piece.data(), static_cast<std::size_t>(count));
      continue;
    }
    const int why = SSL_get_error(state_->ssl, count);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return Ok();
    if (why == SSL_ERROR_ZERO_RETURN) return Fail(ErrorCode::kClosed, "the peer ended TLS");
    return Invalid("", "TLS: " + OpensslText());
  }
}

Status TlsPipe::Send(std::string_view plain) {
  if (!state_->shaken) {
    state_->waiting += plain;
    return Ok();
  }
  while (!plain.empty()) {
    const int piece = static_cast<int>(std::min(plain.size(), kPieceBytes));
    const int count = SSL_write(state_->ssl, plain.data(), piece);
    if (count <= 0) return Invalid("", "TLS: " + OpensslText());
    plain.remove_prefix(static_cast<std::size_t>(count));
  }
  return Ok();
}

bool TlsPipe::shaken() const { return state_->shaken; }

bool TlsPipe::ended() const { return (SSL_get_shutdown(state_->ssl) & SSL_RECEIVED_SHUTDOWN) != 0; }

std::string TlsPipe::TakeCipher() {
  char* data = nullptr;
  const long size = BIO_get_mem_data(state_->out, &data);
  std::string taken(data, static_cast<std::size_t>(std::max(size, 0L)));
  BIO_reset(state_->out);
  return taken;
}

}  // namespace asya::http
