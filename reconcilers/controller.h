// Controller: workers that take keys from a work queue and reconcile them.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/observe/log.h"
#include "reconcilers/work_queue.h"

namespace asya::reconcilers {

// The world is as it should be, until something changes.
struct Settled {};
// Look again then, although nothing will have told.
struct RequeueAfter {
  std::chrono::milliseconds delay{0};
};
// Try again, with growing pauses.
struct Failed {
  Error error;
};
using Outcome = std::variant<Settled, RequeueAfter, Failed>;

// Re-reads the world by the key alone; called for one key by one worker at a time.
using Reconcile = std::function<Outcome(const Key& key)>;

class Controller {
 public:
  struct Deps {
    const Clock& clock;
    Random& random;
    const observe::Logger& log;
    observe::Metrics* metrics = nullptr;
  };
  Controller(std::string name, const Deps& deps, Reconcile reconcile);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  [[nodiscard]] WorkQueue& queue() { return queue_; }
  [[nodiscard]] const WorkQueue& queue() const { return queue_; }
  void Start(std::size_t workers);
  // Lets the workers finish what they have in hand. Idempotent; there is no second start.
  void Stop();
  // Reconciles one key that is due, on this thread; false when there is none. For simulations, instead of Start.
  bool RunOne();

 private:
  void Run(const Key& key);

  const std::string name_;
  const observe::Logger log_;
  const Reconcile reconcile_;
  const Clock& clock_;
  const WorkQueueMetrics metrics_;
  WorkQueue queue_;
  std::vector<std::thread> workers_;
};

}  // namespace asya::reconcilers
