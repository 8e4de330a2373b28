#include "cluster/kubernetes/call_budget.h"

#include <algorithm>

namespace asya::cluster::kubernetes {

std::chrono::microseconds CallBudget::TryTake(Priority priority) {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = clock_.Steady();
  const double passed_s = std::chrono::duration<double>(now - filled_at_).count();
  calls_ = std::min(calls_ + passed_s * kCallsPerSecond, kCallsAtOnce);
  filled_at_ = now;
  const bool usual = priority == Priority::kUsual;
  if (usual && now < rests_until_) {
    return std::chrono::duration_cast<std::chrono::microseconds>(rests_until_ - now);
  }
  const double missing = (usual ? kCallsForUrgent : 0) + 1 - calls_;
  if (missing <= 0) {
    calls_ -= 1;
    return std::chrono::microseconds(0);
  }
  const std::chrono::duration<double> wait(missing / kCallsPerSecond);
  return std::chrono::duration_cast<std::chrono::microseconds>(wait) + std::chrono::microseconds(1);
}

void CallBudget::Rest(std::chrono::seconds time) {
  const std::lock_guard lock(mutex_);
  rests_until_ = std::max(rests_until_, clock_.Steady() + std::clamp(time, std::chrono::seconds(0), kRestMax));
}

}  // namespace asya::cluster::kubernetes
