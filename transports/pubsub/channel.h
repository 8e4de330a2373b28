// Channel: gRPC calls over one HTTP/2 connection (nghttp2 behind it), many at once; driven by the loop of its owner.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "transports/net/socket.h"
#include "transports/pubsub/address.h"

namespace asya::transports::pubsub {

constexpr std::size_t kAnswerBytesMax = 48U << 20U;  // of one call; above, it ends with kTooLarge
constexpr std::size_t kErrorTextBytesMax = 512;      // of what the server says went wrong

struct ChannelSettings {
  PubsubAddress address;
  std::string ca_pem;                            // trusted certificates; empty: the system's
  std::function<std::string()> token;            // of the caller, asked before each call; empty or "": none is sent
  std::chrono::milliseconds open_limit{15'000};  // from the first packet to the first answer of the server
};

class Channel {
 public:
  using CallId = std::int32_t;
  // Ok: the message that was the answer.
  using Done = std::function<void(Result<std::string> answer)>;

  Channel(ChannelSettings settings, const Clock& clock);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Resolves the name and begins to connect.
  Status Begin();
  // To be called when the descriptor is ready or the deadline is over. An error is the end of the channel.
  Status Advance(bool readable);
  // Sends what the calls have put together. To be called once a turn.
  Status Flush();
  [[nodiscard]] int fd() const { return socket_.fd(); }
  [[nodiscard]] bool wants_write() const { return socket_.wants_write(); }
  [[nodiscard]] SteadyTime deadline() const;
  // The server has answered: calls may be made.
  [[nodiscard]] bool open() const { return open_; }
  // The server wants no new calls on this connection; those under way come to their end.
  [[nodiscard]] bool leaving() const { return leaving_; }

  // `done` is called from Advance(), or from Fail(), with what the server says: kNotFound, kExists, kForbidden,
  // kUnauthorized, kTooMany, kInvalid, kConflict; kTimeout after `limit`; kUnavailable otherwise.
  CallId Call(const std::string& path, std::string request, std::chrono::milliseconds limit, Done done);
  // Forgets the call; its `done` is not called. False: there is none.
  bool Cancel(CallId id);
  // Ends all calls with this.
  void Fail(const Error& error);
  [[nodiscard]] std::size_t calls() const { return calls_.size(); }
  // When something last came from the server.
  [[nodiscard]] SteadyTime heard_at() const { return heard_at_; }

 private:
  struct Http;  // the callbacks of nghttp2
  struct OneCall {
    std::string request;  // framed
    std::size_t sent = 0;
    std::string answer;  // framed
    Done done;
    SteadyTime until{};
    int http_status = 0;
    int grpc_status = -1;
    std::string text;
    bool too_large = false;
  };
  void Finish(CallId id);
  void EndLateCalls();
  void RunFinished();
  static Result<std::string> OutcomeOf(const OneCall& call);

  const ChannelSettings settings_;
  const std::string authority_;
  const Clock& clock_;
  net::Socket socket_;
  std::unique_ptr<Http> http_;
  std::string in_;
  std::map<CallId, OneCall> calls_;  // bounded by the owner's windows
  std::vector<OneCall> finished_;    // to be told outside of nghttp2's callbacks
  bool open_ = false;
  bool leaving_ = false;
  SteadyTime opened_by_{};
  SteadyTime heard_at_{};
};

}  // namespace asya::transports::pubsub
