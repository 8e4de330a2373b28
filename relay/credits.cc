#include "relay/credits.h"

namespace asya::relay {

void Credits::Measure(std::chrono::microseconds service_time) {
  constexpr double kWeight = 0.2;
  const auto us = static_cast<double>(service_time.count());
  average_us_ = average_us_ < 0 ? us : average_us_ * (1 - kWeight) + us * kWeight;
}

std::size_t Credits::factor() const {
  constexpr double kSlowUs = 100'000;
  constexpr double kMediumUs = 50'000;
  constexpr double kQuickUs = 20'000;
  if (average_us_ < 0 || average_us_ > kSlowUs) return 1;
  if (average_us_ > kMediumUs) return 2;
  if (average_us_ > kQuickUs) return 3;
  return kLargestFactor;
}

std::size_t Credits::Missing(std::size_t unfinished, std::size_t settling, std::size_t granted) const {
  // Finished work that waits for the broker is not hoarded, but it is bounded too.
  const std::size_t held = std::max(unfinished, (unfinished + settling) / 2);
  const std::size_t target = limit();
  return target > held + granted ? target - held - granted : 0;
}

}  // namespace asya::relay
