// Client: blocking HTTP calls, each with a deadline, to a URL or over a Unix socket (libcurl behind it).
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/http/message.h"

namespace asya::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // with a socket path the host is only the Host header, e.g. "http://localhost/healthz"
  std::optional<std::string> unix_path;
  Headers headers;
  std::string body;
  std::chrono::milliseconds deadline{10'000};     // for the whole call
  std::size_t response_limit_bytes = 16U << 20U;  // kTooLarge above
  std::string ca_pem;                             // https: trusted certificates; empty: the system's
  std::string certificate_pem;                    // https: who calls; empty: the server is shown nobody
  std::string key_pem;                            // of that certificate
  // Where given, gets the body piece by piece instead of ClientResponse::body; false ends the call with kClosed.
  std::function<bool(std::string_view)> on_body;
  // Where given, is asked at least about once a second, on the thread of the call; true ends it with kClosed.
  std::function<bool()> is_over;
};

struct ClientResponse {
  int status = 0;
  std::string body;
  Headers headers;
};

// Thread safe; keeps connections for later calls.
class Client {
 public:
  Client();
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Any status is a value. kTimeout when the deadline passes, kUnavailable when the peer cannot be reached or breaks
  // off. Redirects are not followed.
  Result<ClientResponse> Call(const ClientRequest& request);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace asya::http
