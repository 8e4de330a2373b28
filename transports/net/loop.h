// Loop: what a thread of a transport sleeps on: its sockets, its letters from other threads, and a time.
#pragma once

#include <poll.h>

#include <functional>
#include <mutex>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"

namespace asya::transports::net {

class Loop {
 public:
  using Letter = std::function<void()>;

  explicit Loop(const Clock& clock) : clock_(clock) {}
  // Before anything else.
  Status Open();
  // From any thread; bounded by the senders: a few letters for each lease, one for each caller who waits.
  void Post(Letter letter);
  // The same without a wake-up; whether it is the first since Take.
  bool Put(Letter letter);
  // All letters, in order.
  std::vector<Letter> Take();
  // Sleeps until a socket is ready (which `revents` then says), a letter is there, or it is `until`.
  void Wait(std::vector<pollfd>& sockets, SteadyTime until);

 private:
  const Clock& clock_;
  UniqueFd event_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
  bool woken_ = false;  // the event was written since Take
};

}  // namespace asya::transports::net
