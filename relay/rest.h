// Rest: calls something once when there has been no work for a moment, until there is some again.
#pragma once

#include <chrono>
#include <functional>

#include "relay/reactor.h"

namespace asya::relay {

// Reactor's thread only.
class Rest {
 public:
  // Of work, before rest is told; up to twice that goes by.
  static constexpr std::chrono::milliseconds kPause{500};

  explicit Rest(Reactor& reactor) : timer_(reactor) {}

  // Before the first work.
  void OnRest(std::function<void()> on_rest) { on_rest_ = std::move(on_rest); }
  void Worked();

 private:
  void Look();

  std::function<void()> on_rest_;  // empty: nobody wants to know
  Timer timer_;
  bool worked_ = false;
};

}  // namespace asya::relay
