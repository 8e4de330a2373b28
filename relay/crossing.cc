#include "relay/crossing.h"

namespace asya::relay {

void Crossing::Add(Event event) {
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
  {
    const std::lock_guard lock(mutex_);
    taken_.swap(events_);
  }
  for (Event& event : taken_) Tell(event);
  taken_.clear();
  after_();
}

void Crossing::Tell(Event& event) {
  if (auto* deliveries = std::get_if<std::vector<ports::Delivery>>(&event)) {
    target_.OnDeliveries(std::move(*deliveries));
  } else if (auto* started = std::get_if<Started>(&event)) {
    target_.OnStarted(started->tag, std::move(started->status));
  } else if (auto* settled = std::get_if<Settled>(&event)) {
    target_.OnSettled(settled->tag, std::move(settled->status));
  } else if (const auto* connection = std::get_if<Connection>(&event)) {
    target_.OnConnection(connection->connected, connection->reason);
  }
}

}  // namespace asya::relay
