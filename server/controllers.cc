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

std::vector<json::Value> Crew(const std::string& namespace_, const compositions::CrewOptions& crew) {
  std::vector<json::Value> actors;
  for (const std::string& name : compositions::SystemActorNames()) {
    actors.push_back(compositions::SystemActor(name, namespace_, crew));
  }
  return actors;
}

}  // namespace

Controllers::Controllers(ControllerOptions options, const Parts& parts)
    : options_(std::move(options)),
      parts_(parts),
      client_(parts_.cluster, parts_.clock),
      cluster_(client_, {options_.owner_references}, parts_.clock, parts_.logger),
      composer_(options_.composer),
      no_queues_(std::make_unique<NoQueues>()),
      scaler_(std::make_unique<ScaledByKeda>()),
      queues_(options_.secrets, parts_.clock),
      lease_(client_, {options_.namespace_, kLeaseName, options_.replica}, {[this] { Lead(); }, [this] { Yield(); }},
             parts_.clock, parts_.logger) {
  queues_.Start(*no_queues_, [](const json::Value&) { return false; });
}

Controllers::~Controllers() { Stop(); }

void Controllers::Start() {
  cluster_.Start();
  lease_.Start();
}

void Controllers::Stop() {
  lease_.Stop();
  cluster_.Stop();
  queues_.Stop();
}

void Controllers::Lead() {
  reconcilers::ReconcilerSettings settings;
  settings.metrics = &parts_.metrics;
  compositions::CrewOptions crew;
  crew.image = options_.crew_image;
  settings.system_actors = [crew](const std::string& namespace_) { return Crew(namespace_, crew); };
  settings.collect_garbage = false;  // the cluster does it
  reconcilers_ = std::make_unique<reconcilers::Reconcilers>(
      reconcilers::World{parts_.objects, cluster_, composer_, *scaler_, queues_, parts_.clock}, std::move(settings),
      parts_.logger, SystemSeed());
  reconcilers_->Start();
}

void Controllers::Yield() {
  if (reconcilers_) reconcilers_->Stop();
  reconcilers_.reset();
}

}  // namespace asya::server
