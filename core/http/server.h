// Server: accepts HTTP/1.1 on TCP (plain and TLS on one port) and on Unix sockets, and hands requests to a
// handler.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/http/message.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"

namespace asya::http {

struct TlsIdentity {
  std::string certificate_pem;  // chain
  std::string key_pem;
};

// CAs, in PEM, by which certificates of clients are verified, each set on its own.
struct ClientAuthorities {
  std::string users_pem;            // of users
  std::string front_proxies_pem{};  // of proxies that say in headers for whom they ask
  // Certificates are asked for before there are CAs: those that come later judge open connections too.
  bool expected = false;
  [[nodiscard]] bool empty() const { return users_pem.empty() && front_proxies_pem.empty() && !expected; }
};

struct Listen {
  // Exactly one of the two.
  std::optional<std::string> unix_path;                      // mode 0600
  std::optional<std::pair<std::string, std::uint16_t>> tcp;  // address, port (0: free port)
  // with tcp: connections that open with a TLS hello are served TLS, others plain
  std::optional<TlsIdentity> tls;
  bool tls_only = false;
  // With tls: clients are asked for a certificate that one of these CAs signed. One that has none, or another, is
  // served too: Request::client_certificate tells which. Empty: nobody is asked.
  ClientAuthorities client_authorities{};
  // The handler is called before a body is read that does not come together with its head, so that it need not be taken
  // from everybody: see Request::body_pending. Until then nothing more is read than the head and what came with it.
  bool heads_first = false;
};

struct ServerLimits {
  std::size_t io_threads = 1;
  std::size_t body_bytes = 16U << 20U;  // 413 above
  std::size_t header_bytes = 64U << 10U;
  std::size_t connections = 4096;               // accepted at once; more wait in the backlog
  std::size_t stream_buffer_bytes = 4U << 20U;  // unsent bytes of one stream with which a further write cuts it off
  std::chrono::seconds idle_timeout{75};        // between requests of a kept connection
  std::chrono::seconds request_timeout{30};     // to read one request
  std::chrono::seconds write_timeout{30};
  // For which a kept connection stays open when the server stops, as a request may be on its way on it; a quarter of
  // the grace of the stop at most.
  std::chrono::milliseconds stop_quiet{250};
};

class Server {
 public:
  // `handler`, and what goes on with a body, is called on an I/O thread and must not block: long work goes to an
  // Executor.
  static Result<std::unique_ptr<Server>> Create(Listen listen, ServerLimits limits, Handler handler,
                                                observe::Logger logger, observe::Metrics* metrics);
  virtual ~Server() = default;
  // Bound address, e.g. "127.0.0.1:41235" or the path; known before Start.
  [[nodiscard]] virtual std::string address() const = 0;
  virtual void Start() = 0;
  // What new connections get from now on. Those that are open keep the identity they began with, but the certificates
  // of their clients are judged anew. Fails, and changes nothing, where Create would fail. Any thread.
  virtual Status ReplaceTls(const TlsIdentity& identity, const ClientAuthorities& client_authorities) = 0;
  // Stops accepting, ends streams, waits `grace` for running requests, closes. Idempotent.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
};

// Whether Create and ReplaceTls would take these. kInvalid: the field is tls.certificate, tls.key or tls.client_ca.
Status CheckTls(const TlsIdentity& identity, const ClientAuthorities& client_authorities);

// A self-signed identity (ECDSA P-256) for 127.0.0.1 and localhost, valid for `days`.
Result<TlsIdentity> MakeSelfSigned(const std::string& common_name, int days);

}  // namespace asya::http
