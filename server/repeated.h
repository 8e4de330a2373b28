// Repeated: a piece of work that is done at once and then once in a while, on a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "core/base/result.h"

namespace asya::server {

class Repeated {
 public:
  // `on_trouble` is told of a failure that is not the one of the time before.
  Repeated(std::chrono::milliseconds period, std::function<Status()> work,
           std::function<void(const Error&)> on_trouble);
  ~Repeated();
  Repeated(const Repeated&) = delete;
  Repeated& operator=(const Repeated&) = delete;

  void Start();
  // Waits for work under way. Idempotent.
  void Stop();

 private:
  void Run();

  const std::chrono::milliseconds period_;
  const std::function<Status()> work_;
  const std::function<void(const Error&)> on_trouble_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool running_ = false;
  std::string trouble_;  // that was told last; empty after a success
  std::thread thread_;
};

}  // namespace asya::server
