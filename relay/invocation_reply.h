// InvocationReply: what the runtime answers to one invocation, read from the bytes of its HTTP reply.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "relay/answer.h"
#include "relay/event_stream.h"
#include "relay/http_reply.h"

namespace asya::relay {

class InvocationReply {
 public:
  using Listener = CallListener;

  InvocationReply(Listener& listener, const ReplyLimits& limits);

  // An error means that this is no valid reply: kInvalid, or kTooLarge when it is over a limit.
  Status Feed(std::string_view bytes);
  // The connection ended here: kClosed when the reply was not complete, which is a crash of the runtime.
  Status End();
  [[nodiscard]] bool done() const { return done_; }
  // False until the first byte of a reply has come.
  [[nodiscard]] bool started() const { return http_.started(); }
  [[nodiscard]] bool keep_alive() const { return http_.keep_alive(); }

  // Valid once done, the payloads of its frames as long as what was fed last.
  CallAnswer& answer() { return answer_; }

 private:
  Status TakeBody(std::string_view piece);
  Status TakeEvent(std::string_view name, std::string_view data);
  Status Finish();
  bool ScanFrames(std::string_view body);
  Status ReadFrames();
  Status ReadError(std::string_view text);
  Status AddFrame(std::string_view text);

  Listener& listener_;
  ReplyLimits limits_;
  HttpReply http_;
  EventStream events_;
  std::string body_;
  CallAnswer answer_;
  std::size_t frame_bytes_ = 0;
  bool scanned_ = false;  // the frames are read, without body_
  bool saw_done_event_ = false;
  bool done_ = false;
};

}  // namespace asya::relay
