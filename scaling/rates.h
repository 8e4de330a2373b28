// Rates: arrival and service rates of one queue, smoothed, from counters that only grow.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/clock.h"

namespace asya::scaling {

class Rates {
 public:
  // Takes the counters as they are now; `busy` replicas worked since the last call. A counter that fell (its process
  // started anew) begins a new measurement.
  void Observe(SteadyTime now, std::int64_t arrived_total, std::int64_t settled_total, std::int64_t busy);
  // Whether a counter moved at the last Observe.
  [[nodiscard]] bool moved() const { return moved_; }
  [[nodiscard]] std::optional<double> arrivals_per_s() const { return arrivals_per_s_; }
  [[nodiscard]] std::optional<double> served_per_replica_s() const { return served_per_replica_s_; }

 private:
  struct Sample {
    SteadyTime at{};
    std::int64_t arrived = 0;
    std::int64_t settled = 0;
  };
  std::optional<Sample> last_;    // of the last call
  std::optional<Sample> window_;  // start of the interval that is being measured
  std::optional<double> arrivals_per_s_;
  std::optional<double> served_per_replica_s_;
  bool moved_ = false;
};

}  // namespace asya::scaling
