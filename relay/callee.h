// Callee: what handles the envelopes of a relay: a runtime beside it, or a model server. The relay knows no more of it.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "relay/answer.h"

namespace asya::relay {

// Whether calls are taken, and if not, why.
struct RuntimeState {
  enum class Kind { kAbsent, kLoading, kReady, kFailed };
  Kind kind = Kind::kAbsent;
  std::string text;         // for a person: what is wrong, with file and line where they are known
  std::string last_end{};   // how the worker before died, if it just has: "killed by SIGSEGV"
  bool tells_ends = false;  // the death of a worker is told by the next state
  friend bool operator==(const RuntimeState&, const RuntimeState&) = default;
};

// How a call ended.
struct Finished {
  enum class How {
    kReplied,    // `answer` is complete
    kInvalid,    // the reply broke the rules or a limit; `detail` says which
    kTimedOut,   // closed by us: who handled it has to cancel the call; `detail`: after how long
    kLost,       // the connection ended before the reply: who handled it died in the middle
    kUnreached,  // the call never got there
  };
  How how = How::kReplied;
  std::string detail;
  CallAnswer* answer = nullptr;  // lives until the callback returns
};

class Callee {
 public:
  using OnFinished = std::function<void(Finished)>;
  using OnState = std::function<void(const RuntimeState&)>;

  virtual ~Callee() = default;

  // Watches from now on whether calls are taken; kAbsent until it knows.
  virtual void Start(OnState on_change) = 0;
  [[nodiscard]] virtual const RuntimeState& state() const = 0;
  // `body` is an envelope. `listener` must live until `on_finished` was called, which is never from within Invoke().
  // The caller keeps to its concurrency: each call is a connection.
  virtual void Invoke(std::string body, std::chrono::microseconds timeout, CallListener& listener,
                      OnFinished on_finished) = 0;
};

}  // namespace asya::relay
