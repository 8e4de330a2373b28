// HttpServer: answers the few small requests that a relay gets: health, metrics, drain. One request a connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "relay/stream.h"

namespace asya::relay {

struct Answer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

class HttpServer {
 public:
  static constexpr std::size_t kConnectionLimit = 64;
  static constexpr std::size_t kHeadLimitBytes = 8U * 1024;

  // May be called later, once; after the peer has left it does nothing.
  using Respond = std::function<void(Answer)>;
  using Handler = std::function<void(const std::string& method, const std::string& target, Respond respond)>;

  static Result<std::unique_ptr<HttpServer>> Open(Reactor& reactor, const Address& address, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  [[nodiscard]] int port() const { return listener_->port(); }

 private:
  struct Connection;
  HttpServer(Reactor& reactor, Handler handler);
  void Take(std::unique_ptr<Stream> stream);
  void TakeData(std::uint64_t number, std::string_view bytes);
  void Send(std::uint64_t number, const Answer& answer);

  Reactor& reactor_;
  Handler handler_;
  std::unique_ptr<Listener> listener_;
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::uint64_t next_number_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace asya::relay
