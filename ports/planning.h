// Planning: what a write of objects would change around them, found out without changing anything.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"
#include "model/changes.h"
#include "ports/cluster.h"

namespace asya::ports {

// An object of ours as a write would leave it, complete and valid.
struct PlannedWrite {
  std::string resource;               // plural, e.g. "asyncactors"
  std::optional<json::Value> before;  // as it is stored; nullopt: it would be new
  json::Value after;
};

struct PlannedChange {
  enum class Action { kCreate, kUpdate, kDelete };
  Action action = Action::kUpdate;
  // Also of a queue, and of what our scaler sizes an actor by: of kind Queue and Scaler, without an API version.
  ResourceRef ref;
  std::string actor{};                  // "default/greet" that it is made of; empty for what was written itself
  std::vector<model::Change> fields{};  // of an update
  std::string note{};                   // what a person has to know beside it
};

struct RenderedAnew {
  std::string actor;    // "default/greet"
  std::string because;  // "Flavor gpu"
};

// What the objects of an actor become cannot be told, or what they are to become is refused.
struct PlanProblem {
  std::string actor;
  std::string message;
};

struct Plan {
  std::vector<PlannedChange> changes;
  std::vector<RenderedAnew> rendered_anew;  // actors that are not written themselves
  std::vector<PlanProblem> problems;
};

class Planner {
 public:
  virtual ~Planner() = default;
  // Thread safe. A place among the plans that may be in hand at once, until it is destroyed: to be taken before
  // anything is asked for a plan. kTooMany: all are taken; kClosed: the server stops.
  virtual Result<std::shared_ptr<void>> TakePlace() = 0;
  // Thread safe. Whoever asks holds a place.
  virtual Result<Plan> Make(const std::vector<PlannedWrite>& writes) = 0;
};

struct TriedApply {
  json::Value before;  // null where there is no such object
  json::Value after;
};

// A cluster that tells what Cluster::Apply would do.
class DryRun {
 public:
  virtual ~DryRun() = default;
  // As Cluster::Observe, of the namespace.
  virtual Result<std::vector<Observed>> Children(const std::string& namespace_, const std::string& owner_uid) = 0;
  // Whatever Cluster::Apply would be refused by is an error of this too.
  virtual Result<TriedApply> Try(const json::Value& object, const std::string& field_manager) = 0;
};

}  // namespace asya::ports
