// Reconcilers: all controllers of the control plane, and what wakes them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/observe/log.h"
#include "reconcilers/actor_index.h"
#include "reconcilers/actor_reconciler.h"
#include "reconcilers/controller.h"
#include "reconcilers/crew_reconciler.h"
#include "reconcilers/garbage_collector.h"
#include "reconcilers/namespace_reconciler.h"
#include "reconcilers/object_watch.h"
#include "reconcilers/owner_index.h"
#include "reconcilers/queue_drift.h"
#include "reconcilers/small_reconcilers.h"
#include "reconcilers/wary_queues.h"
#include "reconcilers/withdraw_credentials.h"
#include "reconcilers/world.h"

namespace asya::reconcilers {

class Reconcilers {
 public:
  // `seed` draws the jitter of retries.
  Reconcilers(const World& world, ReconcilerSettings settings, const observe::Logger& log, std::uint64_t seed);
  ~Reconcilers();
  Reconcilers(const Reconcilers&) = delete;
  Reconcilers& operator=(const Reconcilers&) = delete;

  void Start();
  // Idempotent; there is no second start.
  void Stop();

  // What the watch of actors has told so far.
  [[nodiscard]] const ActorIndex& actors() const { return index_; }

  // For simulations, instead of Start: subscribes, then each call of RunOne does one piece of work that is due, on
  // the calling thread; false when nothing is due.
  void Prepare();
  bool RunOne();
  // When the next piece of work is due that waits for its time.
  [[nodiscard]] std::optional<SteadyTime> NextAt() const;

 private:
  Outcome Actor(const Key& key);
  Outcome Source(const Key& key);
  Outcome FindMissingQueues();
  void AddWatch(const std::string& resource, std::function<void(const ports::Record&, bool deleted)> on_object);
  void WatchObjects();
  void OnActor(const ports::Record& record, bool deleted);
  void OnActorList(const ports::Records& all);
  void ActorsChanged(const std::string& namespace_);
  void Collect(const OwnerIndex::Keys& keys);

  WaryQueues queues_;
  const World world_;  // with these queues
  const ReconcilerSettings settings_;
  const observe::Logger log_;
  Random random_;
  ActorIndex index_;
  CredentialsReconciler credentials_reconciler_;
  ActorReconciler actor_reconciler_;
  CrewReconciler crew_reconciler_;
  FlowReconciler flow_reconciler_;
  NamespaceReconciler namespace_reconciler_;
  TransportReconciler transport_reconciler_;
  FlavorReconciler flavor_reconciler_;
  DepthReconciler depth_reconciler_;
  QueueDrift queue_drift_;  // of the thread of sources
  OwnerIndex owners_;
  GarbageCollector garbage_collector_;
  Controller actors_;
  Controller crew_;
  Controller flows_;
  Controller namespaces_;
  Controller transports_;
  Controller flavors_;
  Controller depths_;
  Controller garbage_;
  Controller withdrawals_;
  Controller sources_;  // keys: resources to list and watch, and kQueues
  std::vector<std::unique_ptr<ObjectWatch>> watches_;
  std::vector<std::shared_ptr<void>> subscriptions_;
  bool looked_at_copies_ = false;  // of the thread of sources
};

}  // namespace asya::reconcilers
