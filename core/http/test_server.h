// A real server on a free port, and a bare socket as its peer. For tests of core/http only.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/unique_fd.h"
#include "core/http/client.h"
#include "core/http/server.h"

namespace asya::http {

inline constexpr std::chrono::seconds kPatience{10};  // a bound for waits that end by an event

inline Response Plain(std::string body) {
  Response response;
  response.content_type = "text/plain";
  response.body = std::move(body);
  return response;
}

inline void Echo(const Request& request, Responder responder) {
  responder.Send(Plain(request.method + " " + request.path + " " + request.body));
}

struct Running {
  std::unique_ptr<Server> server;
  std::string url;
  std::uint16_t port = 0;
};

inline Running StartTcp(Handler handler, ServerLimits limits = {}, std::optional<TlsIdentity> tls = std::nullopt,
                        observe::Metrics* metrics = nullptr, bool tls_only = false) {
  Listen listen;
  listen.tcp = {"127.0.0.1", 0};
  listen.tls = std::move(tls);
  listen.tls_only = tls_only;
  Running running;
  running.server =
      Server::Create(std::move(listen), limits, std::move(handler), observe::Logger::Silent(), metrics).value();
  running.server->Start();
  const std::string address = running.server->address();
  running.url = "http://" + address;
  running.port = static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
  return running;
}

inline Result<ClientResponse> Get(const std::string& url) {
  Client client;
  ClientRequest request;
  request.url = url;
  return client.Call(request);
}

// A bare socket, for what no client library would send.
class RawPeer {
 public:
  explicit RawPeer(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval limit{kPatience.count(), 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  void Send(const std::string& text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const auto n = ::send(fd_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<std::size_t>(n);
    }
  }
  // What came until `marker` was seen (or the peer closed).
  std::string ReadUntil(const std::string& marker) {
    while (marker.empty() || got_.find(marker) == std::string::npos) {
      char chunk[4096];
      const auto n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
      if (n <= 0) break;
      got_.append(chunk, static_cast<std::size_t>(n));
    }
    return got_;
  }
  // Line by line from the start, what ReadUntil saw included; empty at the end.
  std::string ReadLine() {
    std::size_t end = got_.find('\n', read_);
    while (end == std::string::npos) {
      char chunk[4096];
      const auto n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
      if (n <= 0) return {};
      got_.append(chunk, static_cast<std::size_t>(n));
      end = got_.find('\n', read_);
    }
    const std::string line = got_.substr(read_, end + 1 - read_);
    read_ = end + 1;
    return line;
  }
  std::string ReadToEnd() { return ReadUntil(""); }
  void HalfClose() { ::shutdown(fd_.get(), SHUT_WR); }
  // Ends a read that another thread is in.
  void Interrupt() { ::shutdown(fd_.get(), SHUT_RDWR); }
  void Close() { fd_.Reset(); }

 private:
  UniqueFd fd_;
  std::string got_;
  std::size_t read_ = 0;
};

}  // namespace asya::http
