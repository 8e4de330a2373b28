// ControlPlane: the real reconcilers, scaler and composer in a simulated world, run step by step.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compositions/actor_composer.h"
#include "compositions/crew.h"
#include "core/json/parse.h"
#include "reconcilers/events.h"
#include "reconcilers/objects.h"
#include "reconcilers/reconcilers.h"
#include "scaling/scaler.h"
#include "tests/simulation/simulated_world.h"

namespace asya::simulation {

inline json::Value Json(const std::string& text) { return json::Parse(text).value(); }

// A queue on whichever broker has it, as the scaler asks for it.
class QueuesOfAnyBroker final : public ports::QueueAdmin {
 public:
  explicit QueuesOfAnyBroker(SimulatedQueues& first) : first_(first) {}
  Result<ports::QueueStats> Stats(const std::string& name) override {
    const bool elsewhere = first_.second != nullptr && !first_.queues.contains(name);
    return elsewhere ? first_.second->Stats(name) : first_.Stats(name);
  }
  Status Ensure(const ports::QueueSpec& /*spec*/) override { return Away(); }
  Status Remove(const std::string& /*name*/, bool /*force*/) override { return Away(); }
  Result<std::vector<std::string>> List() override { return Away(); }
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> /*on_work*/) override { return nullptr; }

 private:
  SimulatedQueues& first_;
};

class ControlPlane {
 public:
  explicit ControlPlane(std::uint64_t seed) : random(seed) { Begin(); }

  // A new server process on the same store, cluster and broker.
  void Restart() {
    hints_.reset();
    reconcilers_.reset();
    scaler_.reset();
    Begin();
  }
  // Lets `time` pass, with everything that is due done on the way.
  void Run(std::chrono::seconds time) {
    for (auto left = std::chrono::milliseconds(time); left.count() > 0; left -= kTick) {
      Step();
      clock.Advance(kTick);
    }
  }
  void Step() {
    constexpr int kWorkLimit = 500;  // a loop that feeds itself shows as a limit reached
    int work = 0;
    do {
      store.Deliver();
      while (reconcilers_->RunOne() && work < kWorkLimit) ++work;
    } while (store.Deliver() && ++work < kWorkLimit);
    EXPECT_LT(work, kWorkLimit) << "the reconcilers wake themselves without end";
    scaler_->RunDue();
    cluster.Step();
  }

  void Create(const std::string& resource, const std::string& text) {
    ASSERT_TRUE(truth.Create(resource, Json(text)).ok());
  }
  void CreateActor(const std::string& name, const std::string& spec_more = "",
                   const std::string& namespace_ = "default") {
    Create("asyncactors", R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":")" + name +
                              R"(","namespace":")" + namespace_ + R"("},"spec":{"image":"i","handler":"h.f")" +
                              spec_more + "}}");
  }
  // As a person's write: the generation grows with the spec.
  void Change(const std::string& resource, const std::string& namespace_, const std::string& name,
              const std::function<void(json::Value&)>& change) {
    auto read = truth.Get(resource, namespace_, name);
    ASSERT_TRUE(read.ok() && read->has_value());
    json::Value object = (*read)->object;
    change(object);
    if (object["spec"] != *(*read)->object.Find("spec")) {
      object["metadata"]["generation"] = object["metadata"]["generation"].AsInt() + 1;
    }
    ASSERT_TRUE(truth.Write(**read, object).ok());
  }
  void Delete(const std::string& resource, const std::string& namespace_, const std::string& name) {
    auto read = truth.Get(resource, namespace_, name);
    ASSERT_TRUE(read.ok() && read->has_value());
    ASSERT_TRUE(truth.Delete(**read).ok());
  }
  std::optional<json::Value> Get(const std::string& name, const std::string& namespace_ = "default",
                                 const std::string& resource = "asyncactors") {
    auto read = truth.Get(resource, namespace_, name);
    if (!read.ok() || !read->has_value()) return std::nullopt;
    return (*read)->object;
  }
  std::string Phase(const std::string& name) {
    const auto actor = Get(name);
    const json::Value* phase = actor ? actor->FindPath({"status", "phase"}) : nullptr;
    return phase == nullptr ? "" : phase->AsString();
  }
  // "True Reason message".
  std::string Condition(const std::string& name, const std::string& type, const std::string& resource = "asyncactors",
                        const std::string& namespace_ = "default") {
    const auto object = Get(name, namespace_, resource);
    const json::Value* conditions = object ? object->FindPath({"status", "conditions"}) : nullptr;
    if (conditions == nullptr) return "";
    for (const auto& condition : conditions->AsArray()) {
      if (condition.GetString("type") != type) continue;
      return *condition.GetString("status") + " " + *condition.GetString("reason") + " " +
             *condition.GetString("message");
    }
    return "";
  }

  // "Warning message" of what was told of an actor for that reason; empty: nothing.
  std::string Event(const std::string& actor, const std::string& reason) {
    ports::ListQuery query;
    query.resource = reconcilers::kEvents;
    const auto page = store.truth().List(query);
    for (const auto& record : page->items) {
      const json::Value event = Json(*record.json);
      if (event.GetString("reason") != reason || event.FindPath({"involvedObject", "name"})->AsString() != actor)
        continue;
      return *event.GetString("type") + " " + *event.GetString("message");
    }
    return "";
  }

  FakeClock clock;
  Random random;
  Faults faults{random};
  SimulatedStore store{clock, faults};
  SimulatedCluster cluster{faults};
  SimulatedQueues queues{faults};
  SimulatedCredentials credentials;
  SimulatedDeadLetters dead_letters{queues};
  SimulatedBoundPods bound_pods;
  bool counts_bound_pods = false;     // as of the next Restart
  bool keeps_dead_letters = true;     // as of the next Restart
  bool keda_scales = false;           // as of the next Restart
  compositions::CrewOptions crew;     // as of the next Restart
  std::set<std::string> terminating;  // namespaces of the cluster
  // A person's hand: writes past the faults, seen by the watches.
  reconcilers::Objects truth{store, clock};

 private:
  static constexpr std::chrono::milliseconds kTick{250};

  void Begin() {
    scaler_.emplace(scaling::ReplicaScaler::Deps{scaler_queues_, cluster, clock}, scaling::ScalerSettings{});
    hints_ = queues.SubscribeHints([this](const std::string& queue) { scaler_->Hint(queue); });
    reconcilers::ReconcilerSettings settings;
    settings.default_transport = Json(R"({"metadata":{"name":"sqlite"},"spec":{"type":"sqlite","sqlite":{}}})");
    settings.system_actors = [options = crew](const std::string& namespace_) {
      return compositions::SystemActors(namespace_, options);
    };
    settings.keda_scales = keda_scales;
    reconcilers::World world{store, cluster, composer_, *scaler_, queues, clock, &credentials};
    world.namespace_state = [this](const std::string& namespace_) -> Result<ports::NamespaceState> {
      return terminating.contains(namespace_) ? ports::NamespaceState::kTerminating : ports::NamespaceState::kActive;
    };
    if (counts_bound_pods) world.bound_pods = &bound_pods;
    if (keeps_dead_letters) world.dead_letters = &dead_letters;
    reconcilers_.emplace(world, settings, observe::Logger::Silent(),
                         static_cast<std::uint64_t>(random.Between(0, 1'000'000'000)));
    reconcilers_->Prepare();
  }

  const compositions::ActorComposer composer_{compositions::Settings{}};
  QueuesOfAnyBroker scaler_queues_{queues};
  std::optional<scaling::ReplicaScaler> scaler_;
  std::shared_ptr<void> hints_;
  std::optional<reconcilers::Reconcilers> reconcilers_;
};

}  // namespace asya::simulation
