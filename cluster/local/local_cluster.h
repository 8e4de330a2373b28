// LocalCluster: this machine as a cluster: keeps what is applied, and runs the pods of each Deployment as processes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cluster/local/applied_objects.h"
#include "cluster/local/deployment.h"
#include "cluster/local/event_loop.h"
#include "cluster/local/settings.h"
#include "cluster/local/source_look.h"
#include "cluster/local/source_watch.h"
#include "cluster/subscribers.h"
#include "core/base/random.h"
#include "core/observe/log.h"
#include "ports/cluster.h"
#include "ports/planning.h"

namespace asya::cluster::local {

// Every kind is accepted and kept in memory; Deployments with a container asya-relay are run.
class LocalCluster final : public ports::Cluster, public ports::DryRun {
 public:
  LocalCluster(LocalSettings settings, const Clock& clock, const observe::Logger& log);
  ~LocalCluster() override;
  LocalCluster(const LocalCluster&) = delete;
  LocalCluster& operator=(const LocalCluster&) = delete;

  // Clears away what a dead server left in the run folder, then begins to run pods. kInvalid when the run folder's
  // path is too long for sockets.
  Status Start();
  // Drains all replicas for at most the stop grace, kills the rest. Idempotent.
  void Stop();

  Result<ports::Applied> Apply(const json::Value& object, const std::string& field_manager) override;
  Status Delete(const ports::ResourceRef& ref, const std::string& owner_uid) override;
  Result<std::vector<ports::Observed>> Observe(const std::string& owner_uid) override;
  Status Scale(const ports::ResourceRef& deployment, std::int64_t replicas) override;
  Result<std::vector<ports::Replica>> Replicas(const ports::ResourceRef& deployment) override;
  [[nodiscard]] std::shared_ptr<void> Subscribe(std::function<void(const std::string&)> on_change) override;

  Result<std::vector<ports::Observed>> Children(const std::string& namespace_, const std::string& owner_uid) override;
  Result<ports::TriedApply> Try(const json::Value& object, const std::string& field_manager) override;

 private:
  Result<ports::Applied> ApplyLocked(const json::Value& object, const std::string& field_manager);
  // On the loop's thread.
  void Want(const ports::ResourceRef& ref);
  void DrainAll(const ports::ResourceRef& ref);
  void OnDeploymentChange(const ports::ResourceRef& ref, bool only_in_flight);
  void DestroyIfErased(const ports::ResourceRef& ref);
  void OnSourceChange(const std::string& source_dir);
  // Looks at the code of what is at rest.
  void LookAt(const std::vector<ports::ResourceRef>& refs);

  const LocalSettings settings_;
  const Clock& clock_;
  const observe::Logger log_;
  Random random_;
  Subscribers subscribers_;
  EventLoop loop_;
  SourceWatch sources_;
  SourceLook look_;
  std::map<ports::ResourceRef, std::unique_ptr<Deployment>> deployments_;  // only on the loop's thread

  std::mutex mutex_;
  std::condition_variable all_gone_;
  AppliedObjects objects_;
  struct Shown {
    DeploymentView view;
    std::string status;  // JSON; empty before the first
    bool gone = true;
  };
  std::map<ports::ResourceRef, Shown> shown_;  // what the loop's thread told of each Deployment
  bool running_ = false;
};

}  // namespace asya::cluster::local
