// Repeated: a piece of work that is done at once and then once in a while, on a thread of its own.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "core/base/periodic.h"
#include "core/base/result.h"

namespace asya::server {

class Repeated {
 public:
  // `on_trouble` is told of a failure that is not the one of the time before.
  Repeated(std::chrono::milliseconds period, std::function<Status()> work,
           std::function<void(const Error&)> on_trouble);

  void Start() { periodic_.Start({}); }
  // Waits for work under way. Idempotent.
  void Stop() { periodic_.Stop(); }

 private:
  Periodic::Pause Run();

  const std::chrono::milliseconds period_;
  const std::function<Status()> work_;
  const std::function<void(const Error&)> on_trouble_;
  std::string trouble_;  // that was told last; empty after a success
  Periodic periodic_;
};

}  // namespace asya::server
