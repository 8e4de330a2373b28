// Driver: a thread that does the work of a transport between its own, so that nothing has to cross from one to another.
#pragma once

#include <poll.h>

#include <functional>
#include <vector>

#include "core/base/clock.h"

namespace asya::ports {

class Driver {
 public:
  virtual ~Driver() = default;
  // From now on `turn` is called on the driver's thread, the first time soon.
  virtual void Begin(std::function<void()> turn) = 0;
  // One turn, soon; from any thread.
  virtual void Soon() = 0;
  // The next turn is when a socket is ready (which `revents` then says), at `until` at the latest, or earlier. To be
  // called at the end of each turn. `sockets` lives until the next call; `same`: they are those of the last call, and
  // none of them was closed since.
  virtual void Await(std::vector<pollfd>& sockets, SteadyTime until, bool same) = 0;
  // No turn any more. Driver's thread only.
  virtual void Leave() = 0;
};

}  // namespace asya::ports
