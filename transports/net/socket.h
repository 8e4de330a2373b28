// Socket: a non-blocking TCP connection to a broker, with TLS where the address wants it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/http/tls_pipe.h"
#include "transports/net/resolving.h"

namespace asya::transports::net {

struct Peer {
  std::string host;
  std::string port;
  bool tls = false;
  std::string ca_pem;    // trusted certificates; empty: the system's
  std::string protocol;  // asked for within TLS (ALPN), e.g. "h2"; empty: none
};

class Socket {
 public:
  Socket() = default;
  // Begins to resolve the name and to connect; waits for neither.
  Status Begin(const Peer& peer, Lookup lookup = LookUp);
  // What to wait for: the connection, or before that the answer to the question for the name.
  [[nodiscard]] int fd() const { return resolving_ ? resolving_->fd() : fd_.get(); }
  [[nodiscard]] bool connected() const { return connected_; }
  // Ask the system to be told when more can be sent (also: when the connection is made).
  [[nodiscard]] bool wants_write() const { return fd_.valid() && (!connected_ || sent_ < out_.size()); }

  // Goes on with connecting; kUnavailable when no address of the host takes us.
  Status Advance();
  // Appends what has come, a bounded amount. kClosed: the peer is gone.
  Status Receive(std::string& in);
  // Sends what was given and is left, as much as the system takes. kClosed: the peer is gone.
  Status Send(std::string_view bytes);
  [[nodiscard]] std::size_t unsent_bytes() const { return out_.size() - sent_; }

 private:
  Status TakeAddresses();
  Status TryNext();
  Status Read(std::string& target);
  // How much the system took.
  Result<std::size_t> SendSome(std::string_view bytes);
  Status Flush();

  std::optional<Resolving> resolving_;
  Addresses addresses_;
  const addrinfo* next_ = nullptr;
  std::string problem_;  // of the last address tried
  UniqueFd fd_;
  bool connected_ = false;
  std::unique_ptr<http::TlsPipe> tls_;
  std::string cipher_;  // received, with TLS
  std::string out_;
  std::size_t sent_ = 0;
};

}  // namespace asya::transports::net
