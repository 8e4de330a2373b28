// HttpClient: sends one request at a time to one peer over a keep-alive connection.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "relay/http_reply.h"
#include "relay/peer.h"
#include "relay/wire.h"

namespace asya::relay {

class HttpClient {
 public:
  static constexpr std::size_t kReplyLimitBytes = 64U * 1024;
  struct Reply {
    int status = 0;
    std::string body;
  };
  using OnReply = std::function<void(Result<Reply>)>;

  HttpClient(Reactor& reactor, Peer peer);
  // Gives up the request under way; its callback does not come.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Requires that no request is under way. A connection that turns out to be stale is replaced once. kUnavailable,
  // kTimeout or kInvalid otherwise.
  void Send(const std::string& method, const std::string& target, const std::string& body,
            std::chrono::milliseconds timeout, OnReply on_reply);
  [[nodiscard]] bool busy() const { return on_reply_ != nullptr; }

 private:
  void Connect();
  void Write();
  void TakeData(std::string_view bytes);
  void TakeEnd(const Status& status);
  void Finish(Result<Reply> reply);

  Reactor& reactor_;
  const Peer peer_;
  Timer timer_;
  std::unique_ptr<Wire> wire_;
  std::unique_ptr<HttpReply> parser_;
  std::string request_;
  std::string body_;
  OnReply on_reply_;
  bool reused_ = false;
};

}  // namespace asya::relay
