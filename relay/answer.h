// CallAnswer: how a call of the handler ended, whoever handled it, and what is heard while it runs.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.h"
#include "model/envelope.h"

namespace asya::relay {

// A handler's exception as the runtime describes it, or what stands for one.
struct HandlerError {
  std::string type;  // full name, e.g. "builtins.ValueError"
  std::vector<std::string> mro;
  std::string message;
  std::string traceback;
  std::optional<std::chrono::microseconds> least_delay = std::nullopt;  // asked for before another attempt
};

// {type, mro, message, traceback} as envelopes and reports carry it.
json::Value ErrorValue(const HandlerError& error);

struct ReplyLimits {
  std::size_t frames = 10'000;               // of one invocation
  std::size_t body_bytes = 64U << 20U;       // all frames of one invocation together
  std::size_t name_bytes = 256;              // kept of an error's type, and of each class above it
  std::size_t message_bytes = 4U * 1024;     // kept of an error's message
  std::size_t traceback_bytes = 16U * 1024;  // kept of an error's traceback
};

struct CallAnswer {
  CallAnswer() = default;
  CallAnswer(CallAnswer&&) = default;
  CallAnswer& operator=(CallAnswer&&) = default;

  enum class Outcome {
    kFrames,    // the handler has ended; no frame means None
    kFailed,    // the handler raised; `error` says what
    kRejected,  // the envelope could not be read
  };
  Outcome outcome = Outcome::kFrames;
  std::vector<model::Frame> frames;
  std::list<std::string> texts;  // which payloads of the frames are parts of, where nobody else keeps them
  HandlerError error;
};

// Receives what the handler says while it runs; views live until the call returns.
class CallListener {
 public:
  virtual ~CallListener() = default;
  virtual void OnFly(std::string_view data) = 0;     // {"payload": …}
  virtual void OnMetric(std::string_view data) = 0;  // {"name", "type", "value", "labels"}
};

// What a person reads of a call that was given up after that time.
std::string TookLongerThan(std::chrono::microseconds time);

// Cuts at a character, so that the text stays UTF-8.
std::string CutText(std::string text, std::size_t limit_bytes);

}  // namespace asya::relay
