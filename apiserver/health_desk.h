// HealthDesk: whoever asks how the server is, answered by one run of the checks at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "apiserver/health.h"
#include "core/http/message.h"

namespace asya::apiserver {

// Anybody may ask, so that asking must not cost the API its threads: what comes while the checks run waits for the next
// run, which answers all of it.
class HealthDesk {
 public:
  static constexpr std::size_t kWaitingMax = 256;  // questions; one more is refused

  // Runs something on a thread that may block; false where there is none.
  using Submit = std::function<bool(std::function<void()> work)>;
  using Refuse = std::function<void(http::Responder)>;

  // Outlives what it submits.
  HealthDesk(std::vector<HealthCheck> checks, bool tell_why, Submit submit, Refuse refuse);

  void Answer(http::Request request, http::Responder responder);

 private:
  struct Question {
    http::Request request;
    http::Responder responder;
  };
  void Run();
  // The checks with what each gave this time, once it is asked for.
  [[nodiscard]] std::vector<HealthCheck> RunOnceEach() const;

  const std::vector<HealthCheck> checks_;
  const bool tell_why_;
  const Submit submit_;
  const Refuse refuse_;
  std::mutex mutex_;
  std::vector<Question> waiting_;
  bool submitted_ = false;  // a run, which has not ended
};

}  // namespace asya::apiserver
