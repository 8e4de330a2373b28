// Upkeep: forgets, once a minute, what the stores keep no longer: old events, history, tasks and dead letters. What a
// person could miss is counted in asya_store_dropped_total by `what`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/clock.h"
#include "core/base/periodic.h"
#include "core/base/result.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"

namespace asya::server {

class Upkeep {
 public:
  static constexpr std::chrono::seconds kPeriod{60};

  struct Drop {
    const char* what;
    std::function<Result<std::int64_t>(WallTime now)> run;  // how many rows
  };
  struct Chores {
    std::function<Status()> compact;
    std::vector<Drop> drops;  // in this order
  };

  Upkeep(Chores chores, const Clock& clock, observe::Logger logger, observe::Metrics& metrics);
  void Start() { periodic_.Start(Periodic::Every(kPeriod)); }
  void Stop() { periodic_.Stop(); }

 private:
  void RunOnce();
  void Count(const char* what, const observe::Counter& counter, const Result<std::int64_t>& dropped);

  const Clock& clock_;
  const observe::Logger logger_;
  const Chores chores_;
  std::vector<observe::Counter> dropped_;  // of each drop
  Periodic periodic_;                      // last: it uses what is before it
};

}  // namespace asya::server
