// Deployment: the replicas of one Deployment on this machine, and how they get to what it asks for.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/local/event_loop.h"
#include "cluster/local/pod_plan.h"
#include "cluster/local/replica.h"
#include "cluster/local/settings.h"
#include "cluster/local/source_watch.h"
#include "core/base/random.h"
#include "ports/cluster.h"

namespace asya::cluster::local {

// What others may know of a Deployment's replicas.
struct DeploymentView {
  std::int64_t desired = 0;
  std::int64_t updated = 0;  // of the newest template
  std::string problem;       // why no replica can be started; empty if they can
  std::int64_t failing = 0;  // replicas that are not ready, and not by waiting
  std::vector<ports::Replica> replicas;
};

// status as Kubernetes writes it: replicas, readyReplicas, updatedReplicas, observedGeneration and conditions
// Available and ReplicaFailure with a message a person can act on. `before` is the status until now, for the times of
// the transitions.
json::Value DeploymentStatus(const DeploymentView& view, std::int64_t generation, const json::Value* before,
                             WallTime now);

// Pause before replicas are tried again that could not be made at all (no disk, no descriptors).
inline constexpr std::chrono::seconds kStartRetryPause{2};

// Lives on the loop's thread.
class Deployment {
 public:
  struct Deps {
    EventLoop& loop;
    const Clock& clock;
    const LocalSettings& settings;
    SourceWatch& sources;
    Random& random;
  };
  // `on_change` comes after every change of View(); only_in_flight: nothing else changed.
  Deployment(const Deps& deps, ports::ResourceRef ref, std::function<void(bool only_in_flight)> on_change);
  ~Deployment();
  Deployment(const Deployment&) = delete;
  Deployment& operator=(const Deployment&) = delete;

  // Takes what the object asks for now.
  void Want(const json::Value& object);
  // Drains all replicas; Gone() is true when they have left.
  void DrainAll();
  // After DrainAll: what still runs is not waited for, and is no crash of what it ran.
  void GiveUp();
  void Reload(const std::string& source_dir);
  // Whether its code changed, nothing runs that could tell what became of it, and nobody has looked since.
  bool WantsLook();
  // What such a look found wrong with the code; empty: nothing. Shown until a replica is started.
  void Looked(const std::string& fault);
  [[nodiscard]] bool HasFault() const { return !fault_.empty(); }
  [[nodiscard]] bool Gone() const { return desired_ == 0 && replicas_.empty(); }
  [[nodiscard]] DeploymentView View() const;

 private:
  void Converge();
  void StartOne();
  void OnReplicaChange(bool only_in_flight);
  // Not at once: a replica that tells of a change must not be drained or destroyed within its own call.
  void ConvergeSoon();

  const Deps deps_;
  const ports::ResourceRef ref_;
  const std::function<void(bool)> on_change_;
  std::optional<PodPlan> plan_;  // none while nothing runs and nothing is wanted
  std::string source_dir_;       // of the last plan; watched also at rest, since finding its folders takes time
  std::string problem_;
  std::string fault_;    // of the code, seen while nothing ran
  bool unseen_ = false;  // the code changed
  std::int64_t desired_ = 0;
  std::map<std::string, std::unique_ptr<Replica>> replicas_;  // by id
  std::vector<std::string> gone_;  // ids of replicas that have ended and wait to be destroyed
  EventLoop::TimerId converge_ = 0;
  EventLoop::TimerId retry_ = 0;
};

}  // namespace asya::cluster::local
