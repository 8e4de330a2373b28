// ActorStatus: the status of an AsyncActor, from what was seen of its parts; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/json/value.h"
#include "ports/bound_pods.h"
#include "ports/cluster.h"
#include "reconcilers/conditions.h"

namespace asya::reconcilers {

// How one part of an actor is.
struct Part {
  Truth ready = Truth::kUnknown;
  std::string reason = "NotSeenYet";
  std::string message;
};

struct Workload {
  Part part;
  std::int64_t desired = 0;
  std::int64_t replicas = 0;
  std::int64_t ready_replicas = 0;
  bool failing = false;    // it will not get ready without a change
  bool uncounted = false;  // nobody knows how many replicas it has
  bool awaited = false;    // it has none, and nobody of ours starts one
  std::string selector;    // "a=b,c=d"
};

struct ActorFacts {
  std::int64_t generation = 0;
  bool deleting = false;
  bool paused = false;
  Part sync;  // whether the children are as the spec asks for
  Part queue;
  Part scaler;
  Workload workload;
  std::string queue_name;
  std::string queue_url;
  std::optional<std::int64_t> waiting;  // envelopes in the queue; unknown when it could not be asked
  std::string transport;
  std::vector<std::pair<std::string, std::int64_t>> flavors;  // name and generation
  std::string deletion_message;                               // what a deletion waits for
};

// Of pods that belong to somebody else; nullopt where nobody counts them. `scaled`: work starts the first of them.
Workload ExternalWorkload(const std::optional<ports::BoundCount>& count, bool scaled);

// What the Deployment among the children says.
Workload ReadWorkload(const std::vector<ports::Observed>& children);

// `before` is the status until now, or nullptr.
json::Value ActorStatus(const ActorFacts& facts, const json::Value* before, WallTime now);

}  // namespace asya::reconcilers
