// Cluster: where rendered resources go and what is observed of them: Kubernetes, or this machine's processes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/json/value.h"
#include "ports/resource.h"

namespace asya::ports {

// The field of an error that only KEDA in the cluster can end.
inline constexpr const char* kKedaField = "cluster.keda";

// What somebody else has done to a child since this process applied it last.
enum class Drift { kNone, kChanged, kDeleted };

struct Applied {
  bool changed = false;  // false: it was as it should be, nothing was written
  Drift repaired = Drift::kNone;
};

// A child as the cluster has it now, with its status.
struct Observed {
  ResourceRef ref;
  json::Value object;  // whole object; a Deployment carries status.replicas, readyReplicas and conditions
};

// One replica of a Deployment.
struct Replica {
  std::string name;  // "infer-6f1c2"
  bool ready = false;
  bool draining = false;
  std::int64_t in_flight = 0;
  std::int64_t restarts = 0;
  std::string message;   // why it is not ready, for a person; with file and line where code does not load
  std::string reason{};  // the same as one word, where there is one
  bool failing = false;  // it will not get ready without a change
  WallTime started_at{};
  std::optional<WallTime> ready_at;
};

class Cluster {
 public:
  virtual ~Cluster() = default;
  // Whether all of these may be applied, as far as the cluster says beforehand, so that no half of them is. The error
  // is that of Apply.
  virtual Status MayApply(const std::vector<json::Value>& /*objects*/) { return Ok(); }
  // Server-side apply semantics under the field manager: the fields given become so, others stay. The object
  // carries kOwnerLabel.
  virtual Result<Applied> Apply(const json::Value& object, const std::string& field_manager) = 0;
  // Of an object that is the actor's of `owner_uid`; any other is left alone. Idempotent; returns when the deletion is
  // accepted, not when it is over. kConflict: it has changed since it was seen last.
  virtual Status Delete(const ResourceRef& ref, const std::string& owner_uid) = 0;
  // All children of the actor of this uid.
  virtual Result<std::vector<Observed>> Observe(const std::string& owner_uid) = 0;
  // Sets the replica count of a Deployment. Scale-in takes idle replicas first and never ends a busy one before its
  // work is done.
  virtual Status Scale(const ResourceRef& deployment, std::int64_t replicas) = 0;
  virtual Result<std::vector<Replica>> Replicas(const ResourceRef& deployment) = 0;
  // Called (any thread, must not block) when a child or its status changed; the argument is the owner's uid.
  [[nodiscard]] virtual std::shared_ptr<void> Subscribe(
      std::function<void(const std::string& owner_uid)> on_change) = 0;
};

}  // namespace asya::ports
