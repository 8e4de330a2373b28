// Upkeep: forgets, once a minute, what the stores keep no longer: old events, history, tasks and dead letters. What a
// person could miss is counted in asya_store_dropped_total by `what`.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "server/backend.h"

namespace asya::server {

class Upkeep {
 public:
  static constexpr std::chrono::seconds kPeriod{60};

  Upkeep(Backend& backend, const Clock& clock, observe::Logger logger, observe::Metrics& metrics);
  ~Upkeep();
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;
  void Start();
  void Stop();

 private:
  void Run();
  void RunOnce();
  void Count(const char* what, const observe::Counter& counter, const Result<std::int64_t>& dropped);

  Backend& backend_;
  const Clock& clock_;
  const observe::Logger logger_;
  const observe::Counter history_;
  const observe::Counter events_;
  const observe::Counter dropped_tasks_;
  const observe::Counter dead_letters_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool running_ = false;
  std::thread thread_;
};

}  // namespace asya::server
