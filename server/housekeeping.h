// Housekeeping: what has to become of stored objects where nobody reconciles actors: dependents of what is gone are
// collected, and a namespace that is being deleted goes when it is empty. Knows which actor has which queue.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/unique_queue.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/object_store.h"
#include "reconcilers/actor_index.h"
#include "reconcilers/controller.h"
#include "reconcilers/garbage_collector.h"
#include "reconcilers/namespace_reconciler.h"
#include "reconcilers/object_watch.h"
#include "reconcilers/owner_index.h"

namespace asya::server {

// Every server on a database does it: each step reads the store and writes with a precondition, so that two that do the
// same do it once.
class Housekeeping {
 public:
  // All of these live longer.
  struct Parts {
    ports::ObjectStore& store;
    const Clock& clock;
    observe::Logger logger;
    observe::Metrics& metrics;
    bool collects = true;  // false: the controllers of a cluster do it, and only queues are looked at
  };
  explicit Housekeeping(const Parts& parts);
  ~Housekeeping();
  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

  // Returns when all objects are known, or fails; a watch that breaks later is opened again for as long as it takes.
  Status Start();
  // Idempotent.
  void Stop();
  // May lag behind the store for a moment.
  [[nodiscard]] std::optional<apiserver::QueueOwner> QueueOwner(const std::string& queue) const;

 private:
  void AddWatch(const std::string& resource);
  void Changed(const ports::Record& record, bool deleted);
  void Listed(const std::string& resource, const ports::Records& all);
  void Collect(const reconcilers::OwnerIndex::Keys& keys);
  reconcilers::Outcome OpenWatch(const reconcilers::Key& key);

  const observe::Logger logger_;
  const bool collects_;
  Random random_;
  reconcilers::ActorIndex actors_;
  reconcilers::OwnerIndex owners_;
  reconcilers::GarbageCollector collector_;
  reconcilers::NamespaceReconciler namespace_reconciler_;
  reconcilers::Controller garbage_;
  reconcilers::Controller namespaces_;
  reconcilers::Controller sources_;
  ports::ObjectStore& store_;
  std::vector<std::unique_ptr<reconcilers::ObjectWatch>> watches_;
  bool stopped_ = false;
};

}  // namespace asya::server
