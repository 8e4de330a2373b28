// CrewReconciler: gives each namespace with actors its system actors, and takes them from one without.
#pragma once

#include "reconcilers/actor_index.h"
#include "reconcilers/controller.h"
#include "reconcilers/objects.h"
#include "reconcilers/world.h"

namespace asya::reconcilers {

// The system actors that a namespace is to have, all on the transport that its own actors have in common.
std::vector<json::Value> CrewOf(const ReconcilerSettings& settings, const std::string& namespace_,
                                const std::optional<std::string>& transport);
// `desired` applied to what is stored (null: nothing), as a field manager does it: it has its way in the fields that it
// names, those that it named last time and does not name now go, and what others added stays. The generation grows with
// a new spec.
json::Value Refreshed(const json::Value& stored, const json::Value& desired, WallTime now);

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
