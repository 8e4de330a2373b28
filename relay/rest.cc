#include "relay/rest.h"

namespace asya::relay {

// A timer that is set anew for each piece of work would cost more than one that looks now and then.
void Rest::Worked() {
  worked_ = true;
  if (on_rest_ && !timer_.pending()) Look();
}

void Rest::Look() {
  worked_ = false;
  timer_.After(kPause, [this] {
    if (worked_) {
      Look();
    } else {
      on_rest_();
    }
  });
}

}  // namespace asya::relay
