#include "server/controllers.h"

#include <utility>
#include <vector>

#include "cluster/kubernetes/access.h"
#include "cluster/kubernetes/autoscaler.h"
#include "compositions/crew.h"
#include "core/base/random.h"
#include "server/installation.h"
#include "server/pod_watchdog.h"

namespace asya::server {
namespace {

// Of actors, at once: each waits for answers of the cluster and of brokers nearly all of its time.
constexpr std::size_t kWorkers = 8;

// In a cluster every queue is on a broker that a Transport names.
class NoQueues final : public ports::QueueAdmin {
 public:
  Status Ensure(const ports::QueueSpec& spec) override { return Missing(spec.name); }
  Status Remove(const std::string& /*name*/, bool /*force*/) override { return Ok(); }
  Result<ports::QueueStats> Stats(const std::string& name) override { return Missing(name); }
  Result<std::vector<std::string>> List() override { return std::vector<std::string>(); }
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> /*on_work*/) override { return nullptr; }

 private:
  static Error Missing(const std::string& name) {
    return Fail(ErrorCode::kNotFound, "no broker is known that has the queue " + name);
  }
};

// KEDA sizes each actor by its ScaledObject; what it asks us about KedaScaling knows by itself, in every replica.
class ScaledByKeda final : public ports::Scaler {
 public:
  void Set(const ports::ScaledActor& /*actor*/) override {}
  void Remove(const std::string& /*namespace_*/, const std::string& /*actor*/) override {}
};

}  // namespace

// What follows the cluster, and works there while this replica leads. Its calls end with it.
struct Controllers::Standing {
  explicit Standing(const Controllers& owner)
      : client(owner.parts_.cluster, owner.parts_.clock, &owner.parts_.metrics),
        cluster(client, {owner.options_.owner_references}, owner.parts_.clock, owner.parts_.logger,
                &owner.parts_.metrics),
        credentials(client, {owner.options_.namespace_, owner.options_.variables}, owner.parts_.clock,
                    owner.parts_.logger),
        events(client, owner.parts_.clock, owner.parts_.logger),
        access(client),
        watchdog_client(owner.parts_.cluster, owner.parts_.clock, &owner.parts_.metrics) {
    if (owner.parts_.would_inject) {
      watchdog = std::make_unique<PodWatchdog>(PodWatchdog::Parts{watchdog_client, owner.options_.namespace_,
                                                                  owner.parts_.would_inject, events, owner.parts_.clock,
                                                                  owner.parts_.logger, owner.parts_.metrics});
      watchdog->Follow();
    }
    cluster.Start();
    credentials.Start();
  }
  ~Standing() { End(); }
  // Whoever still holds it finds nothing to do. Idempotent.
  void End() {
    client.Cancel();
    watchdog_client.Cancel();
    if (reconcilers) reconcilers->Stop();
    if (watchdog) watchdog->Stop();
    credentials.Stop();
    cluster.Stop();
  }
  // What the cluster has is known.
  [[nodiscard]] Status Ready() const {
    if (watchdog) ASYA_TRY_STATUS(watchdog->Ready());
    return cluster.Ready();
  }
  Standing(const Standing&) = delete;
  Standing& operator=(const Standing&) = delete;

  cluster::kubernetes::Client client;
  cluster::kubernetes::KubernetesCluster cluster;
  std::string serving_ca;  // that actors were written with
  cluster::kubernetes::TransportCredentials credentials;
  cluster::kubernetes::ClusterEvents events;
  cluster::kubernetes::KubernetesAccess access;
  cluster::kubernetes::Client watchdog_client;
  std::unique_ptr<PodWatchdog> watchdog;  // null without webhooks
  std::unique_ptr<reconcilers::Reconcilers> reconcilers;
};

Controllers::Controllers(ControllerOptions options, const Parts& parts)
    : options_(std::move(options)),
      parts_(parts),
      client_(parts_.cluster, parts_.clock, &parts_.metrics),
      secrets_client_(parts_.cluster, parts_.clock, &parts_.metrics),
      credentials_(secrets_client_, {options_.namespace_, options_.variables}, parts_.clock, parts_.logger),
      plan_client_(parts_.cluster, parts_.clock, &parts_.metrics),
      dry_run_(plan_client_, options_.owner_references),
      composer_(options_.composer, parts_.serving_ca, parts_.takes_reports),
      no_queues_(std::make_unique<NoQueues>()),
      scaler_(std::make_unique<ScaledByKeda>()),
      queues_([this](const json::Value& transport) { return credentials_.ForServer(transport); }, parts_.clock),
      planner_({parts_.objects, dry_run_, composer_, queues_, parts_.clock}, Settings()),
      keda_(options_.scaler, options_.composer,
            {parts_.trusted, parts_.objects, queues_,
             [this](const ports::ResourceRef& workload) -> Result<std::vector<ports::Replica>> {
               const auto standing = Current();
               if (standing == nullptr) return Fail(ErrorCode::kUnavailable, "the cluster is not followed now");
               return standing->cluster.Replicas(workload);
             },
             [this](const ports::ResourceRef& workload, std::int64_t replicas) -> Status {
               const auto standing = Current();
               if (standing == nullptr) return Fail(ErrorCode::kUnavailable, "the cluster is not followed now");
               return standing->cluster.Scale(workload, replicas);
             },
             [this] { return leading_.load(); }, parts_.clock, parts_.logger, parts_.metrics}),
      loads_([this](const std::string& namespace_, const std::string& pod,
                    std::int64_t in_flight) { return NoteLoad(namespace_, pod, in_flight); },
             parts_.logger, parts_.metrics),
      lease_(client_, {options_.namespace_, kControllersLease, options_.replica},
             {[this] { return Fit(); }, [this] { Lead(); }, [this] { Yield(); }}, parts_.clock, parts_.logger,
             &parts_.metrics) {
  queues_.Start(*no_queues_, [](const json::Value&) { return false; });
  if (!parts_.keep_letter) return;
  abandoned_ = std::make_unique<AbandonedWorkBox>(
      [this](const json::Value& transport, const std::string& queue) { return queues_.NewConsumer(transport, queue); },
      parts_.keep_letter, parts_.clock);
}

Controllers::~Controllers() { Stop(); }

Status Controllers::Start() {
  Exchange(std::make_shared<Standing>(*this));
  credentials_.Start();
  lease_.Start();
  if (parts_.tell_loads) {
    loads_.Start();
    parts_.tell_loads([this](const std::string& namespace_, const std::string& pod, std::int64_t in_flight) {
      loads_.Take(namespace_, pod, in_flight);
    });
  }
  if (options_.scaler.address.empty()) {
    parts_.logger.Warning("KEDA is not served: actors that scale stay at the replicas they have",
                          {{"fix", "--scaler-listen ADDRESS:PORT"}});
    return Ok();
  }
  return keda_.Start();
}

void Controllers::UseIdentity(const http::TlsIdentity& identity) { keda_.UseIdentity(identity); }

ports::FindAutoscaler Controllers::autoscalers() {
  return [this](const std::string& namespace_, const std::string& actor) {
    return cluster::kubernetes::FindAutoscaler(plan_client_, namespace_, actor);
  };
}

void Controllers::Stop() {
  stopping_ = true;
  // KEDA goes over to another replica first.
  keda_.Stop();
  secrets_client_.Cancel();
  lease_.Stop();
  if (parts_.tell_loads) parts_.tell_loads(nullptr);
  Exchange(nullptr);
  loads_.Stop();
  if (parts_.yields) parts_.yields();
  credentials_.Stop();
  plan_client_.Cancel();
  planner_.Close();
  queues_.Stop();
}

std::shared_ptr<Controllers::Standing> Controllers::Current() const {
  const std::lock_guard lock(standing_mutex_);
  return standing_;
}

void Controllers::Exchange(std::shared_ptr<Standing> next) {
  std::shared_ptr<Standing> before;
  {
    const std::lock_guard lock(standing_mutex_);
    before = std::exchange(standing_, std::move(next));
  }
  if (before) before->End();
}

Result<bool> Controllers::NoteLoad(const std::string& namespace_, const std::string& pod, std::int64_t in_flight) {
  ASYA_TRY_STATUS(parts_.trusted());
  const auto standing = Current();
  if (standing == nullptr) return Fail(ErrorCode::kUnavailable, "the cluster is not followed now");
  return standing->cluster.NoteLoad(namespace_, pod, in_flight);
}

// Who does not know yet what the cluster has would tell of every actor that nothing of it can be seen.
Status Controllers::Fit() const {
  ASYA_TRY_STATUS(parts_.trusted());
  const auto standing = Current();
  if (standing == nullptr) return Fail(ErrorCode::kClosed, "the controllers stop");
  if (parts_.serving_ca) {
    ASYA_TRY(const std::string now, parts_.serving_ca());
    // It happens once in months: to begin anew is the one way to write all actors anew that has to work anyway.
    if (standing->reconcilers && now != standing->serving_ca) {
      return Fail(ErrorCode::kUnavailable, "the CA of the servers is another one now; beginning anew");
    }
  }
  return standing->Ready();
}

reconcilers::ReconcilerSettings Controllers::Settings() const {
  reconcilers::ReconcilerSettings settings;
  settings.metrics = &parts_.metrics;
  compositions::CrewOptions crew;
  crew.image = options_.crew_image;
  crew.native_scaling = options_.scaler.address.empty();
  settings.system_actors = [crew](const std::string& namespace_) {
    return compositions::SystemActors(namespace_, crew);
  };
  settings.collect_garbage = false;  // the cluster does it
  settings.keda_scales = true;
  settings.workers = kWorkers;
  return settings;
}

void Controllers::Lead() {
  const auto standing = Current();
  if (standing == nullptr) return;  // it stops
  // Without it, though it was there when this replica was fit, the next look begins anew.
  if (const auto ca = parts_.serving_ca ? parts_.serving_ca() : Result<std::string>(""); ca.ok()) {
    standing->serving_ca = *ca;
  }
  standing->reconcilers = std::make_unique<reconcilers::Reconcilers>(
      reconcilers::World{parts_.objects, standing->cluster, composer_, *scaler_, queues_, parts_.clock,
                         &standing->credentials, &standing->events,
                         [&access = standing->access](const std::string& name) { return access.StateOf(name); },
                         abandoned_.get(), standing->watchdog.get()},
      Settings(), parts_.logger, SystemSeed());
  standing->reconcilers->Start();
  if (standing->watchdog) standing->watchdog->Start();
  if (parts_.leads) parts_.leads(queues_);
  leading_ = true;
}

void Controllers::Yield() {
  leading_ = false;
  // First, since it is over at once; whoever yields to others may wait for brokers.
  Exchange(nullptr);
  if (parts_.yields) parts_.yields();
  if (!stopping_) Exchange(std::make_shared<Standing>(*this));
}

}  // namespace asya::server
