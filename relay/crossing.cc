#include "relay/crossing.h"

namespace asya::relay {

void Crossing::Add(std::function<void()> event) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = events_.empty();
    events_.push_back(std::move(event));
  }
  // One wake-up serves all that come until it is answered.
  if (first) reactor_.Post([this] { Take(); });
}

void Crossing::Take() {
  std::vector<std::function<void()>> events;
  {
    const std::lock_guard lock(mutex_);
    events.swap(events_);
  }
  for (const auto& event : events) event();
}

}  // namespace asya::relay
