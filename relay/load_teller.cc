#include "relay/load_teller.h"

#include <utility>

namespace asya::relay {

LoadTeller::LoadTeller(Reactor& reactor, OnTell tell, const LoadPauses& pauses)
    : tell_(std::move(tell)), pauses_(pauses), change_timer_(reactor), again_timer_(reactor) {}

void LoadTeller::Start() { Tell(); }

void LoadTeller::Changed(std::size_t in_flight) {
  in_flight_ = in_flight;
  const bool busy = in_flight > 0;
  if (busy == told_busy_) {
    // Idle means without a break. Busy is looked at once: who works most of the time is most likely seen at it.
    if (busy) change_timer_.Cancel();
    return;
  }
  if (change_timer_.pending()) return;
  change_timer_.After(busy ? pauses_.busy_after : pauses_.idle_after, [this] {
    if ((in_flight_ > 0) != told_busy_) Tell();
  });
}

void LoadTeller::Tell() {
  told_busy_ = in_flight_ > 0;
  again_timer_.Cancel();
  if (told_busy_) again_timer_.After(pauses_.again_after, [this] { Tell(); });
  tell_(in_flight_);
}

}  // namespace asya::relay
