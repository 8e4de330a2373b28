// World: the parts that reconcilers read and change, given to each of them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/json/value.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/bound_pods.h"
#include "ports/cluster.h"
#include "ports/cluster_access.h"
#include "ports/composer.h"
#include "ports/credentials.h"
#include "ports/dead_letter_box.h"
#include "ports/event_recorder.h"
#include "ports/object_store.h"
#include "ports/queue_admin.h"
#include "ports/scaler.h"

namespace asya::reconcilers {

// What became of queues.
struct FoundQueues {
  std::vector<std::string> missing;
  std::map<std::string, Error> silent;  // by Transport: brokers that did not answer, of whose queues nothing is known
};

// The brokers that this installation can reach.
class QueueAdmins {
 public:
  virtual ~QueueAdmins() = default;
  // For a whole Transport object; nullptr when its type is not supported here. It can be asked for as long as it is
  // held, also when the Transport has become another one meanwhile.
  virtual std::shared_ptr<ports::QueueAdmin> For(const json::Value& transport) = 0;
  // There is no Transport of that name any more.
  virtual void Forget(const std::string& /*transport*/) {}
  virtual std::vector<ports::QueueAdmin*> All() = 0;
  // Each is looked for where it was last made.
  virtual FoundQueues FindMissing(const std::vector<std::string>& queues) = 0;
};

struct World {
  ports::ObjectStore& store;
  ports::Cluster& cluster;
  const ports::Composer& composer;
  ports::Scaler& scaler;
  QueueAdmins& queues;
  const Clock& clock;
  ports::Credentials* credentials = nullptr;  // none: pods have those of Transports in some other way
  ports::EventRecorder* events = nullptr;     // none: events are kept in the store
  // Of a cluster's namespace. None: what runs in one stays until its actors have gone.
  std::function<Result<ports::NamespaceState>(const std::string& namespace_)> namespace_state{};
  ports::DeadLetterBox* dead_letters = nullptr;  // none: nothing is kept of work that nobody will do
  ports::BoundPods* bound_pods = nullptr;        // none: nobody looks at the pods of others
};

struct ReconcilerSettings {
  std::size_t workers = 2;
  observe::Metrics* metrics = nullptr;  // must outlive the reconcilers; none: nothing is counted
  // Whole Transport object for actors that name none while no Transport is marked as default; it need not be stored.
  json::Value default_transport;
  // Whole AsyncActor objects that every namespace with actors gets, e.g. x-sink and x-sump.
  std::function<std::vector<json::Value>(const std::string& namespace_)> system_actors;
  // KEDA acts on ScaledObjects, and how it gets on is told. Without it they are made for nobody, as on one machine.
  bool keda_scales = false;
  // Off where a cluster's own garbage collector sees the objects.
  bool collect_garbage = true;
  std::chrono::milliseconds queue_drift_poll{30000};  // between two looks for queues that went missing
  std::chrono::milliseconds depth_pause{1000};        // least time between two writes of a queue's depth
};

inline constexpr const char* kFieldManager = "asya";
inline constexpr const char* kInitialFieldManager = "asya-initial";
inline constexpr const char* kFinalizer = "asya.sh/actor";
inline constexpr const char* kForceDelete = "asya.sh/force-delete";

}  // namespace asya::reconcilers
