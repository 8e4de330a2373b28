// The reconcilers that only tell how something is: flows, transports, flavors and the depth of queues.
#pragma once

#include <functional>

#include "reconcilers/actor_index.h"
#include "reconcilers/controller.h"
#include "reconcilers/objects.h"
#include "reconcilers/world.h"

namespace asya::reconcilers {

// Ready when all actors of the flow exist. A key without a name stands for all flows of its namespace.
class FlowReconciler {
 public:
  FlowReconciler(const World& world, const ActorIndex& index)
      : world_(world), index_(index), objects_(world.store, world.clock) {}
  Outcome Reconcile(const Key& key);

 private:
  Status TellOne(const Stored& flow);
  // Those of `names` that no actor of the namespace answers to.
  Result<std::string> Missing(const std::string& namespace_, const std::vector<std::string>& names);

  const World world_;
  const ActorIndex& index_;
  Objects objects_;
};

// Whether the broker answers; looks again from time to time.
class TransportReconciler {
 public:
  explicit TransportReconciler(const World& world) : world_(world), objects_(world.store, world.clock) {}
  Outcome Reconcile(const Key& key);

 private:
  const World world_;
  Objects objects_;
};

// Says which generation is in force.
class FlavorReconciler {
 public:
  explicit FlavorReconciler(const World& world) : world_(world), objects_(world.store, world.clock) {}
  Outcome Reconcile(const Key& key);

 private:
  const World world_;
  Objects objects_;
};

// Keeps status.infrastructure.queue.waiting of an actor near the truth while its queue moves.
class DepthReconciler {
 public:
  DepthReconciler(const World& world, const ReconcilerSettings& settings)
      : world_(world), settings_(settings), objects_(world.store, world.clock) {}
  Outcome Reconcile(const Key& key);

 private:
  const World world_;
  const ReconcilerSettings& settings_;
  Objects objects_;
};

}  // namespace asya::reconcilers
