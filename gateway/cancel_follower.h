// CancelFollower: tells the relays of this server what was canceled on another server of the same task store.
#pragma once

#include <chrono>
#include <set>
#include <string>

#include "core/base/clock.h"
#include "core/base/periodic.h"
#include "core/observe/log.h"
#include "gateway/cancel_feed.h"
#include "ports/task_store.h"

namespace asya::gateway {

class CancelFollower {
 public:
  static constexpr std::chrono::seconds kLeast{1};     // between two looks, while tasks change
  static constexpr std::chrono::seconds kMost{5};      // while none does: a hint of a change may be lost
  static constexpr std::chrono::seconds kOverlap{60};  // clocks of servers may differ by this

  // All of these live longer.
  struct Parts {
    ports::TaskStore& tasks;
    CancelFeed& feed;
    const Clock& clock;
    observe::Logger logger;
  };
  explicit CancelFollower(const Parts& parts, Periodic::Pause pause = {kLeast, kMost});
  ~CancelFollower() { Stop(); }
  CancelFollower(const CancelFollower&) = delete;
  CancelFollower& operator=(const CancelFollower&) = delete;

  void Start() { looks_.Start(pause_); }
  // Some task may have been canceled. Any thread; does not block.
  void Changed() { looks_.Ask(); }
  // Idempotent.
  void Stop() { looks_.Stop(); }

 private:
  void Look();

  const Parts parts_;
  const Periodic::Pause pause_;
  // Of the thread that looks.
  WallTime looked_at_;
  std::set<std::string> told_;  // of kOverlap before it
  bool failing_ = false;
  Periodic looks_;
};

}  // namespace asya::gateway
