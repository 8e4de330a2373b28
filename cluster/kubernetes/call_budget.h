// CallBudget: how often a cluster is called: a bucket of calls that fills at a steady rate, a part of it for what
// cannot wait.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>

#include "core/base/clock.h"

namespace asya::cluster::kubernetes {

enum class Priority {
  kUsual,
  kUrgent,  // on which the work of others depends: lists, watches, the Lease, scaling
};

// Thread safe.
class CallBudget {
 public:
  static constexpr double kCallsPerSecond = 200;
  static constexpr double kCallsAtOnce = 400;
  static constexpr double kCallsForUrgent = 100;  // of these
  // How long a cluster that says that it is called too often is left alone, whatever it asks for.
  static constexpr std::chrono::seconds kRestMax{10};

  explicit CallBudget(const Clock& clock) : clock_(clock), filled_at_(clock.Steady()), rests_until_(clock.Steady()) {}

  // Takes a call; how long to wait before asking again where there is none, else zero.
  std::chrono::microseconds TryTake(Priority priority);
  // Usual calls wait so long, at most kRestMax.
  void Rest(std::chrono::seconds time);

 private:
  const Clock& clock_;
  std::mutex mutex_;
  double calls_ = kCallsAtOnce;
  SteadyTime filled_at_;
  SteadyTime rests_until_;
};

}  // namespace asya::cluster::kubernetes
