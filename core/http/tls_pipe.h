// TlsPipe: the client's half of TLS as a change of bytes, for event loops that own their sockets (OpenSSL behind it).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace asya::http {

class TlsPipe {
 public:
  // TLS 1.2 and later. The peer's certificate has to be for `host` and signed by one in `ca_pem` (empty: the system's).
  // kInvalid: `ca_pem` holds no certificate. `protocol` is asked for by ALPN, e.g. "h2"; empty: none.
  static Result<std::unique_ptr<TlsPipe>> Create(const std::string& host, const std::string& ca_pem,
                                                 const std::string& protocol = "");
  ~TlsPipe();
  TlsPipe(const TlsPipe&) = delete;
  TlsPipe& operator=(const TlsPipe&) = delete;

  // Takes what came from the socket and appends what it means to `plain`. kUnauthorized: the certificate is not
  // trusted; kClosed: the peer ended TLS; kInvalid: it is no TLS.
  Status Receive(std::string_view cipher, std::string& plain);
  // Takes what is to be sent; before the handshake is over it waits here.
  Status Send(std::string_view plain);
  // What has to go out of the socket now, taken away.
  std::string TakeCipher();
  // The handshake is over, the peer trusted.
  [[nodiscard]] bool shaken() const;
  // The peer has said that nothing more comes; a connection that ends without that was cut.
  [[nodiscard]] bool ended() const;

 private:
  struct State;
  explicit TlsPipe(std::unique_ptr<State> state);
  Status Shake();
  std::unique_ptr<State> state_;
};

}  // namespace asya::http
