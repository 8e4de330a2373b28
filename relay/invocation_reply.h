// InvocationReply: what the runtime answers to one invocation, read from the bytes of its HTTP reply.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"
#include "model/envelope.h"
#include "relay/event_stream.h"
#include "relay/http_reply.h"

namespace asya::relay {

// A handler's exception as the runtime describes it.
struct HandlerError {
  std::string type;  // full name, e.g. "builtins.ValueError"
  std::vector<std::string> mro;
  std::string message;
  std::string traceback;
};

struct ReplyLimits {
  std::size_t frames = 10'000;               // of one invocation
  std::size_t body_bytes = 64U << 20U;       // all frames of one invocation together
  std::size_t message_bytes = 4U * 1024;     // kept of an error's message
  std::size_t traceback_bytes = 16U * 1024;  // kept of an error's traceback
};

class InvocationReply {
 public:
  // Receives what the handler says while it runs; views live until the call returns.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnFly(std::string_view data) = 0;     // {"payload": …}
    virtual void OnMetric(std::string_view data) = 0;  // {"name", "type", "value", "labels"}
  };
  enum class Outcome {
    kFrames,    // the handler has ended; no frame means None
    kFailed,    // the handler raised; `error` says what
    kRejected,  // the runtime could not read the envelope
  };

  InvocationReply(Listener& listener, const ReplyLimits& limits);

  // An error means that this is no valid reply: kInvalid, or kTooLarge when it is over a limit.
  Status Feed(std::string_view bytes);
  // The connection ended here: kClosed when the reply was not complete, which is a crash of the runtime.
  Status End();
  [[nodiscard]] bool done() const { return done_; }
  // False until the first byte of a reply has come.
  [[nodiscard]] bool started() const { return http_.started(); }
  [[nodiscard]] bool keep_alive() const { return http_.keep_alive(); }

  // Valid once done.
  [[nodiscard]] Outcome outcome() const { return outcome_; }
  std::vector<model::Frame>& frames() { return frames_; }
  [[nodiscard]] const HandlerError& error() const { return error_; }

 private:
  Status TakeBody(std::string_view piece);
  Status TakeEvent(std::string_view name, std::string_view data);
  Status Finish();
  Status ReadFrames();
  Status ReadError(std::string_view text);
  Status AddFrame(std::string_view text);

  Listener& listener_;
  ReplyLimits limits_;
  HttpReply http_;
  EventStream events_;
  std::string body_;
  std::vector<model::Frame> frames_;
  std::size_t frame_bytes_ = 0;
  HandlerError error_;
  Outcome outcome_ = Outcome::kFrames;
  bool saw_done_event_ = false;
  bool done_ = false;
};

// {type, mro, message, traceback} as envelopes and reports carry it.
json::Value ErrorValue(const HandlerError& error);

}  // namespace asya::relay
