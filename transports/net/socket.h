// Socket: a non-blocking TCP connection to a broker, with TLS where the address wants it.
#pragma once

#include <netdb.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/http/tls_pipe.h"

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
  // Resolves the name (which may block: call it on a thread of one's own) and begins to connect.
  Status Begin(const Peer& peer);
  [[nodiscard]] int fd() const { return fd_.get(); }
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
  Status TryNext();
  Status Read(std::string& target);
  Status Flush();

  struct FreeAddresses {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
  };
  std::unique_ptr<addrinfo, FreeAddresses> addresses_;
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
