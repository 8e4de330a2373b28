// Controllers: keeps the actors of the database alive on a Kubernetes cluster, while this replica holds the Lease.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "cluster/kubernetes/client.h"
#include "cluster/kubernetes/cluster_events.h"
#include "cluster/kubernetes/kubernetes_cluster.h"
#include "cluster/kubernetes/kubernetes_dry_run.h"
#include "cluster/kubernetes/lease.h"
#include "cluster/kubernetes/transport_credentials.h"
#include "compositions/settings.h"
#include "core/base/clock.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/autoscaler.h"
#include "ports/object_store.h"
#include "ports/scaler.h"
#include "reconcilers/actor_planner.h"
#include "reconcilers/reconcilers.h"
#include "server/abandoned_work.h"
#include "server/gateway_composer.h"
#include "server/keda_scaling.h"
#include "server/pod_loads.h"
#include "server/queue_directory.h"
#include "server/scaler_options.h"

namespace asya::server {

struct ControllerOptions {
  std::string replica;           // the name of this one in the Lease
  std::string namespace_;        // of the server, where the Lease lies
  bool owner_references = true;  // where the cluster serves our kinds
  std::string crew_image;
  compositions::Settings composer;
  ports::Credentials::Values variables;  // of the server, where the cluster has no Secret for a broker
  ScalerOptions scaler;                  // served by each replica, whether it leads or not
};

class Controllers {
 public:
  // Of a pod: how many envelopes it has in work. Does not block.
  using OnLoad = std::function<void(const std::string& namespace_, const std::string& pod, std::int64_t in_flight)>;
  // All of these live longer.
  struct Parts {
    // Whether the database is the one of the cluster; while it fails, this replica neither leads nor works.
    std::function<Status()> trusted;
    const cluster::kubernetes::Endpoint& cluster;
    ports::ObjectStore& objects;
    const Clock& clock;
    observe::Logger logger;
    observe::Metrics& metrics;
    // The CAs by which relays and KEDA know the servers; an error while they are not known. None: nobody is told them.
    std::function<Result<std::string>()> serving_ca{};
    // Relays report to the servers.
    bool takes_reports = false;
    // When this replica begins and ends to lead; the second comes before the queues go.
    std::function<void(QueueDirectory& queues)> leads{};
    std::function<void()> yields{};
    // Makes a dead letter of a message that nobody will work on. None: there are no dead letters.
    AbandonedWorkBox::Keep keep_letter{};
    // With webhooks: whether a pod like this one would get its relay now. None: pods of others are not looked at.
    std::function<Status(const json::Value& pod)> would_inject{};
    // Has this told of pods from now on, by relays that report to this replica; null ends it. None: nobody knows.
    std::function<void(OnLoad on_load)> tell_loads{};
  };
  Controllers(ControllerOptions options, const Parts& parts);
  ~Controllers();
  Controllers(const Controllers&) = delete;
  Controllers& operator=(const Controllers&) = delete;

  // Fails where KEDA cannot be served.
  Status Start();
  // What KEDA is served with, from now on. Any thread.
  void UseIdentity(const http::TlsIdentity& identity);
  // What this replica decided about actors.
  [[nodiscard]] const ports::DecisionLog& decisions() const { return keda_; }
  // What sizes them, by asking the cluster, whether this replica leads or not. Until Stop.
  [[nodiscard]] ports::FindAutoscaler autoscalers();
  // Of at most `limit` actors, what this replica saw of them last.
  [[nodiscard]] std::vector<scaling::ReplicaScaler::Count> Counts(std::size_t limit) const {
    return keda_.Counts(limit);
  }
  // Ends what is under way and gives the Lease up. Idempotent.
  void Stop();
  // By asking the cluster, whether this replica leads or not. Until Stop.
  ports::Planner& planner() { return planner_; }
  [[nodiscard]] const ports::Composer& composer() const { return composer_; }

 private:
  struct Standing;
  [[nodiscard]] reconcilers::ReconcilerSettings Settings() const;
  [[nodiscard]] Status Fit() const;
  Result<bool> NoteLoad(const std::string& namespace_, const std::string& pod, std::int64_t in_flight);
  void Lead();
  void Yield();
  // What follows the cluster now; null between two.
  [[nodiscard]] std::shared_ptr<Standing> Current() const;
  void Exchange(std::shared_ptr<Standing> next);

  const ControllerOptions options_;
  const Parts parts_;
  cluster::kubernetes::Client client_;  // of the Lease
  cluster::kubernetes::Client secrets_client_;
  cluster::kubernetes::TransportCredentials credentials_;  // of the queues, whether this replica leads or not
  cluster::kubernetes::Client plan_client_;                // of plans, and of autoscalers
  cluster::kubernetes::KubernetesDryRun dry_run_;
  const GatewayComposer composer_;
  std::unique_ptr<ports::QueueAdmin> no_queues_;
  std::unique_ptr<ports::Scaler> scaler_;
  QueueDirectory queues_;
  std::unique_ptr<AbandonedWorkBox> abandoned_;  // where there are dead letters
  reconcilers::ActorPlanner planner_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> leading_ = false;
  mutable std::mutex standing_mutex_;
  std::shared_ptr<Standing> standing_;  // from Start to Stop, exchanged by the thread of the Lease
  KedaScaling keda_;
  PodLoads loads_;
  cluster::kubernetes::Lease lease_;
};

}  // namespace asya::server
