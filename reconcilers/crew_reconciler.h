// CrewReconciler: gives each namespace with actors its system actors, and takes them from one without.
#pragma once

#include "reconcilers/actor_index.h"
#include "reconcilers/controller.h"
#include "reconcilers/objects.h"
#include "reconcilers/world.h"

namespace asya::reconcilers {

// Keys are namespaces; their names are empty. Thread safe for different keys.
class CrewReconciler {
 public:
  CrewReconciler(const World& world, const ReconcilerSettings& settings, const ActorIndex& index)
      : world_(world), settings_(settings), index_(index), objects_(world.store, world.clock) {}
  Outcome Reconcile(const Key& key);

 private:
  Outcome Provide(const Key& key);
  Status ProvideOne(const json::Value& desired, const std::optional<Stored>& stored);
  Outcome Withdraw(const std::vector<Stored>& system_actors);
  Result<bool> IsIdle(const json::Value& actor);

  const World world_;
  const ReconcilerSettings& settings_;
  const ActorIndex& index_;
  Objects objects_;
};

}  // namespace asya::reconcilers
