// Credits: how many messages a relay may hold, so that a slow handler hoards nothing and a fast one never waits.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace asya::relay {

class Credits {
 public:
  static constexpr std::size_t kLargestFactor = 4;

  explicit Credits(std::size_t concurrency) : concurrency_(concurrency) {}

  // A call that ended took this long.
  void Measure(std::chrono::microseconds service_time);
  // 1 above 100 ms of service time or while nothing is known, up to 4 for fast handlers.
  [[nodiscard]] std::size_t factor() const;
  // Messages that may be leased and not finished.
  [[nodiscard]] std::size_t limit() const { return concurrency_ * factor(); }
  // How many calls may be begun while all slots are busy; a begun call costs a crash count if this process dies.
  [[nodiscard]] std::size_t ahead() const { return factor() == kLargestFactor ? concurrency_ : 0; }

  // Credits to grant now: `unfinished` are leased without outcome, `settling` wait for their settlement, `granted` are
  // credits not used yet.
  [[nodiscard]] std::size_t Missing(std::size_t unfinished, std::size_t settling, std::size_t granted) const;

 private:
  std::size_t concurrency_;
  double average_us_ = -1;
};

}  // namespace asya::relay
