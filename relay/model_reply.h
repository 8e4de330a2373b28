// ModelReply: what a model server answers to one call, read from the bytes of its HTTP reply.
#pragma once

#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "relay/answer.h"
#include "relay/chat_stream.h"
#include "relay/endpoint.h"
#include "relay/event_stream.h"
#include "relay/http_reply.h"

namespace asya::relay {

class ModelReply {
 public:
  static constexpr std::size_t kErrorBodyBytes = 64U * 1024;  // read of the body of an error; the rest is passed over

  // `endpoint` and `listener` outlive it. The answer is put into `payload` and goes on by `route`. `now`: for dates.
  ModelReply(const Endpoint& endpoint, std::string payload, model::Route route, CallListener& listener,
             const ReplyLimits& limits, WallTime now);

  // An error means that this is no valid reply: kInvalid, or kTooLarge when it is over a limit.
  Status Feed(std::string_view bytes);
  // The connection ended here: kClosed when the reply was not complete.
  Status End();
  [[nodiscard]] bool done() const { return done_; }
  // False until the first byte of a reply has come.
  [[nodiscard]] bool started() const { return http_.started(); }
  [[nodiscard]] bool keep_alive() const { return http_.keep_alive(); }
  // Valid once done.
  CallAnswer& answer() { return answer_; }

 private:
  [[nodiscard]] bool good() const { return http_.status() >= 200 && http_.status() < 300; }
  [[nodiscard]] bool streamed() const;
  Status TakeBody(std::string_view piece);
  Status TakeEvent(std::string_view data);
  Status Finish();
  Status FinishStream();
  Status ReadBody();
  Status Accept(std::string_view text);
  void Refuse(HandlerError error);

  const Endpoint& endpoint_;
  std::string payload_;
  model::Route route_;
  CallListener& listener_;
  ReplyLimits limits_;
  WallTime now_;
  HttpReply http_;
  EventStream events_;
  ChatStream chat_;
  std::string body_;
  std::size_t streamed_bytes_ = 0;
  CallAnswer answer_;
  bool done_ = false;
};

}  // namespace asya::relay
