// Reaper: fails tasks whose deadline has passed, so that no client waits for an answer that will not come.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/base/clock.h"
#include "core/observe/log.h"
#include "ports/task_store.h"

namespace asya::gateway {

class Reaper {
 public:
  static constexpr std::chrono::seconds kPeriod{5};

  Reaper(ports::TaskStore& tasks, const Clock& clock, observe::Logger logger);
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;
  void Start();
  void Stop();

 private:
  void Run();

  ports::TaskStore& tasks_;
  const Clock& clock_;
  observe::Logger logger_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool running_ = false;
  std::thread thread_;
};

}  // namespace asya::gateway
