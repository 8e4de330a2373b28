// ActorPlanner: what a write of objects would make of actors and of everything that they become, on the path by which
// it would be done: the same names resolved, the same composition, the same children applied, but tried.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "ports/composer.h"
#include "ports/object_store.h"
#include "ports/planning.h"
#include "reconcilers/world.h"

namespace asya::reconcilers {

class ActorPlanner final : public ports::Planner {
 public:
  // Actors whose children are tried in one plan; of more only the names are told.
  static constexpr std::size_t kActorsTriedMax = 100;
  static constexpr std::size_t kPlansAtOnceMax = 2;    // each holds a thread and asks the cluster; kTooMany above
  static constexpr std::chrono::seconds kTimeMax{20};  // after which no further actor is begun

  // All of these live longer.
  struct Parts {
    ports::ObjectStore& store;
    ports::DryRun& cluster;
    const ports::Composer& composer;
    QueueAdmins& queues;
    const Clock& clock;
  };
  // `settings` as the reconcilers have them.
  ActorPlanner(const Parts& parts, ReconcilerSettings settings) : parts_(parts), settings_(std::move(settings)) {}

  Result<std::shared_ptr<void>> TakePlace() override;
  Result<ports::Plan> Make(const std::vector<ports::PlannedWrite>& writes) override;
  // Waits for the places that are taken, and gives no others. Idempotent.
  void Close();

 private:
  class Pass;

  const Parts parts_;
  const ReconcilerSettings settings_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t taken_ = 0;
  bool closed_ = false;
};

}  // namespace asya::reconcilers
