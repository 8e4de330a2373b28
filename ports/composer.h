// Composer: turns one actor with everything it refers to into the resources that run it; pure and deterministic.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"
#include "ports/cluster.h"
#include "ports/queue_admin.h"

namespace asya::ports {

// Everything that rendering depends on. The reconciler has resolved the names; a missing flavor or transport never
// comes this far.
struct ComposeInput {
  // the whole AsyncActor object as stored (metadata.uid is there, spec is not defaulted)
  json::Value actor;
  std::vector<json::Value> flavors;  // whole Flavor objects, in the order of spec.flavors
  json::Value transport;             // whole Transport object: the one named by the actor, else the default one
  std::vector<Observed> observed;    // the children as the cluster has them; empty at first
  // Of the transport's Secret in the pods' namespace; another one rolls the pods.
  std::string credentials_version{};
};

// What a pod that somebody else renders gets to work for an actor. Its volumes and containers have names of ours.
struct InjectedParts {
  json::Value relay;         // a whole container, a native sidecar
  json::Value runtime;       // of the pod's own container, which runs the handler; null with an endpoint. A null member
                             // takes away what stands there
  json::Array containers;    // more of them: connectors of the state
  json::Array volumes;       // ours, and those of the actor
  json::Array pull_secrets;  // {"name": …}
  std::int64_t grace_seconds = 0;  // at least, for the end of the pod
};

struct RenderedSet {
  // Desired children in the order in which they are applied, each with the label asya.sh/owner-uid. A Deployment
  // whose actor scales carries no spec.replicas.
  std::vector<json::Value> objects;
  // Applied under the field manager `asya-initial`, each only while the cluster has no object of that kind and name:
  // the Deployment with its first replica count.
  std::vector<json::Value> initial;
  std::optional<InjectedParts> injected;  // of an actor with a workloadRef
  QueueSpec queue;
  json::Value effective_spec;         // spec after flavors and defaults: every field that has a default is there
  std::vector<std::string> warnings;  // for a person; e.g. a setting without effect
};

class Composer {
 public:
  virtual ~Composer() = default;
  // kInvalid with the field and, where flavors disagree, both their names.
  [[nodiscard]] virtual Result<RenderedSet> Compose(const ComposeInput& input) const = 0;
};

}  // namespace asya::ports
