// ScaledActors: follows the stored actors and tells which of them our scaler sizes, by what and on which transport.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/json/value.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/composer.h"
#include "ports/object_store.h"
#include "ports/scaler.h"
#include "reconcilers/actor_index.h"
#include "reconcilers/controller.h"
#include "reconcilers/object_watch.h"

namespace asya::server {

// Reads only, so that every server of an installation may do it.
class ScaledActors {
 public:
  // All of these live longer. The functions are called by one thread at a time.
  struct Parts {
    ports::ObjectStore& store;
    const ports::Composer& composer;
    const Clock& clock;
    observe::Logger logger;
    observe::Metrics& metrics;
    // One that KEDA asks us about; also when something of it changed. `transport`: the whole object.
    std::function<void(const ports::ScaledActor& actor, const json::Value& transport)> set;
    // One that is gone, or sized by somebody else.
    std::function<void(const std::string& namespace_, const std::string& actor)> remove;
    // All that there were at the start have been told.
    std::function<void()> complete;
  };
  explicit ScaledActors(Parts parts);
  ~ScaledActors();
  ScaledActors(const ScaledActors&) = delete;
  ScaledActors& operator=(const ScaledActors&) = delete;

  // Does not wait for the store: what cannot be read now is read later.
  void Start();
  // Idempotent.
  void Stop();

 private:
  void AddWatch(const std::string& resource);
  void Changed(const ports::Record& record, bool deleted);
  void ActorChanged(const ports::Record& record, bool deleted);
  void Listed(const std::string& resource, const ports::Records& all);
  void LookAt(const std::vector<reconcilers::Key>& keys);
  reconcilers::Outcome OpenWatch(const reconcilers::Key& key);
  reconcilers::Outcome Look(const reconcilers::Key& key);
  Status Tell(const reconcilers::Key& key);
  void Seen(const reconcilers::Key& key);

  const Parts parts_;
  Random random_;
  reconcilers::ActorIndex index_;
  reconcilers::Controller actors_;
  reconcilers::Controller sources_;
  std::vector<std::unique_ptr<reconcilers::ObjectWatch>> watches_;
  std::mutex mutex_;
  std::map<reconcilers::Key, std::string> transports_;  // that the status of each actor names, where it runs
  std::set<reconcilers::Key> unseen_;                   // of the first list
  bool listed_ = false;
  bool complete_ = false;
  bool stopped_ = false;
};

}  // namespace asya::server
