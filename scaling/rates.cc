#include "scaling/rates.h"

#include <chrono>
#include <cmath>

namespace asya::scaling {
namespace {

// Shorter intervals say more about bursts than about the rate.
constexpr std::chrono::seconds kInterval{5};
// How long an old measurement counts.
constexpr double kMemory_s = 60;

double Smooth(const std::optional<double>& old, double measured, double elapsed_s) {
  if (!old) return measured;
  const double weight = 1 - std::exp(-elapsed_s / kMemory_s);
  return *old + (measured - *old) * weight;
}

}  // namespace

void Rates::Observe(SteadyTime now, std::int64_t arrived_total, std::int64_t settled_total, std::int64_t busy) {
  const Sample sample{now, arrived_total, settled_total};
  const bool fell = last_ && (arrived_total < last_->arrived || settled_total < last_->settled);
  moved_ = last_ && (arrived_total != last_->arrived || settled_total != last_->settled);
  last_ = sample;
  if (fell || !window_) {
    window_ = sample;
    return;
  }
  if (now - window_->at < kInterval) return;
  const double elapsed_s = std::chrono::duration<double>(now - window_->at).count();
  const auto arrived = static_cast<double>(arrived_total - window_->arrived);
  const auto settled = static_cast<double>(settled_total - window_->settled);
  arrivals_per_s_ = Smooth(arrivals_per_s_, arrived / elapsed_s, elapsed_s);
  if (busy > 0 && settled > 0) {
    served_per_replica_s_ = Smooth(served_per_replica_s_, settled / elapsed_s / static_cast<double>(busy), elapsed_s);
  }
  window_ = sample;
}

}  // namespace asya::scaling
