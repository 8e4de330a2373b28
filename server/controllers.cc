#include "server/controllers.h"

#include <utility>
#include <vector>

#include "compositions/crew.h"
#include "core/base/random.h"

namespace asya::server {
namespace {

constexpr const char* kLeaseName = "asya-controllers";

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

// KEDA sizes each actor by its ScaledObject.
class ScaledByKeda final : public ports::Scaler {
 public:
  void Set(const ports::ScaledActor& /*actor*/) override {}
  void Remove(const std::string& /*namespace_*/, const std::string& /*actor*/) override {}
};

}  // namespace

// What follows the cluster, and works there while this replica leads. Its calls end with it.
struct Controllers::Standing {
  explicit Standing(const Controllers& owner)
      : client(owner.parts_.cluster, owner.parts_.clock),
        cluster(client, {owner.options_.owner_references}, owner.parts_.clock, owner.parts_.logger) {
    cluster.Start();
  }
  ~Standing() {
    client.Cancel();
    if (reconcilers) reconcilers->Stop();
    cluster.Stop();
  }
  Standing(const Standing&) = delete;
  Standing& operator=(const Standing&) = delete;

  cluster::kubernetes::Client client;
  cluster::kubernetes::KubernetesCluster cluster;
  std::string gateway_ca;  // that actors were written with
  std::unique_ptr<reconcilers::Reconcilers> reconcilers;
};

Controllers::Controllers(ControllerOptions options, const Parts& parts)
    : options_(std::move(options)),
      parts_(parts),
      client_(parts_.cluster, parts_.clock),
      plan_client_(parts_.cluster, parts_.clock),
      dry_run_(plan_client_, options_.owner_references),
      composer_(options_.composer, parts_.gateway_ca),
      no_queues_(std::make_unique<NoQueues>()),
      scaler_(std::make_unique<ScaledByKeda>()),
      queues_(options_.secrets, parts_.clock),
      planner_({parts_.objects, dry_run_, composer_, queues_, parts_.clock}, Settings()),
      lease_(client_, {options_.namespace_, kLeaseName, options_.replica},
             {[this] { return Fit(); }, [this] { Lead(); }, [this] { Yield(); }}, parts_.clock, parts_.logger) {
  queues_.Start(*no_queues_, [](const json::Value&) { return false; });
}

Controllers::~Controllers() { Stop(); }

void Controllers::Start() {
  standing_ = std::make_unique<Standing>(*this);
  lease_.Start();
}

void Controllers::Stop() {
  stopping_ = true;
  lease_.Stop();
  if (parts_.yields) parts_.yields();
  standing_.reset();
  plan_client_.Cancel();
  planner_.Close();
  queues_.Stop();
}

// Who does not know yet what the cluster has would tell of every actor that nothing of it can be seen.
Status Controllers::Fit() const {
  ASYA_TRY_STATUS(parts_.trusted());
  if (parts_.gateway_ca) {
    ASYA_TRY(const std::string now, parts_.gateway_ca());
    // It happens once in months: to begin anew is the one way to write all actors anew that has to work anyway.
    if (standing_->reconcilers && now != standing_->gateway_ca) {
      return Fail(ErrorCode::kUnavailable, "the CA of the gateway is another one now; beginning anew");
    }
  }
  return standing_->cluster.Ready();
}

reconcilers::ReconcilerSettings Controllers::Settings() const {
  reconcilers::ReconcilerSettings settings;
  settings.metrics = &parts_.metrics;
  compositions::CrewOptions crew;
  crew.image = options_.crew_image;
  crew.native_scaling = true;  // until KEDA is told by a scaler of ours
  settings.system_actors = [crew](const std::string& namespace_) {
    return compositions::SystemActors(namespace_, crew);
  };
  settings.collect_garbage = false;  // the cluster does it
  return settings;
}

void Controllers::Lead() {
  // Without it, though it was there when this replica was fit, the next look begins anew.
  standing_->gateway_ca = parts_.gateway_ca ? parts_.gateway_ca().value_or("") : "";
  standing_->reconcilers = std::make_unique<reconcilers::Reconcilers>(
      reconcilers::World{parts_.objects, standing_->cluster, composer_, *scaler_, queues_, parts_.clock}, Settings(),
      parts_.logger, SystemSeed());
  standing_->reconcilers->Start();
  if (parts_.leads) parts_.leads(queues_);
}

void Controllers::Yield() {
  if (parts_.yields) parts_.yields();
  standing_.reset();
  if (!stopping_) standing_ = std::make_unique<Standing>(*this);
}

}  // namespace asya::server
