// LoadTeller: tells when a relay has come to have work and when it has had none for a while, so that of several pods
// those without work can go first.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include "relay/reactor.h"

namespace asya::relay {

struct LoadPauses {
  // Work that is over by then needs nobody's care.
  std::chrono::milliseconds busy_after{1000};
  // Between two envelopes of a stream of them.
  std::chrono::milliseconds idle_after{10'000};
  // Work that goes on is told anew, for whoever believes it for a while only.
  std::chrono::milliseconds again_after{120'000};
};

// Never more than two reports in busy_after + idle_after. Reactor's thread only.
class LoadTeller {
 public:
  using OnTell = std::function<void(std::size_t in_flight)>;

  LoadTeller(Reactor& reactor, OnTell tell, const LoadPauses& pauses = {});
  // Tells of no work at once: a relay that was here before may have told of some.
  void Start();
  // Envelopes in work now. Cheap: may be called with each change.
  void Changed(std::size_t in_flight);

 private:
  void Tell();

  const OnTell tell_;
  const LoadPauses pauses_;
  Timer change_timer_;
  Timer again_timer_;
  std::size_t in_flight_ = 0;
  bool told_busy_ = false;
};

}  // namespace asya::relay
