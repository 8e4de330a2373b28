// CrewReconciler: gives each namespace with actors its system actors, and takes them from one without.
#pragma once

#include "reconcilers/controller.h"
#include "reconcilers/objects.h"
#include "reconcilers/world.h"

namespace asya::reconcilers {

// Keys are namespaces; their names are empty. Thread safe for different keys.
class CrewReconciler {
 public:
  CrewReconciler(const World& world, const ReconcilerSettings& settings)
      : world_(world), settings_(settings), objects_(world.store, world.clock) {}
  Outcome Reconcile(const Key& key);

 private:
  Outcome Provide(const Key& key, const std::vector<Stored>& actors);
  Outcome Withdraw(const std::vector<Stored>& system_actors);
  Result<bool> IsIdle(const json::Value& actor);

  const World world_;
  const ReconcilerSettings& settings_;
  Objects objects_;
};

}  // namespace asya::reconcilers
