// What is planned is what comes about: each case plans a write, then writes it and lets the real reconcilers work.
#include "reconcilers/actor_planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "tests/simulation/control_plane.h"

namespace asya::simulation {
namespace {

using std::chrono::seconds;

// The cluster of the simulation, tried.
class TriedCluster final : public ports::DryRun {
 public:
  explicit TriedCluster(SimulatedCluster& cluster) : cluster_(cluster) {}
  Result<std::vector<ports::Observed>> Children(const std::string& /*namespace_*/,
                                                const std::string& owner_uid) override {
    return cluster_.Observe(owner_uid);
  }
  Result<ports::TriedApply> Try(const json::Value& object, const std::string& /*field_manager*/) override {
    const std::string kind = *object.GetString("kind");
    if (kind == refused) return Invalid("spec", "the cluster will not have it");
    const json::Value* before = cluster_.Find(kind, *object.Find("metadata")->GetString("name"));
    if (before == nullptr) return ports::TriedApply{json::Value(), object};
    ports::TriedApply tried{*before, object};
    const json::Value* replicas = before->FindPath({"spec", "replicas"});
    if (replicas != nullptr && tried.after["spec"].Find("replicas") == nullptr) {
      tried.after["spec"]["replicas"] = *replicas;
    }
    return tried;
  }

  std::string refused;  // a kind

 private:
  SimulatedCluster& cluster_;
};

reconcilers::ReconcilerSettings Settings() {
  reconcilers::ReconcilerSettings settings;
  settings.default_transport = Json(R"({"metadata":{"name":"sqlite"},"spec":{"type":"sqlite","sqlite":{}}})");
  settings.system_actors = [](const std::string& namespace_) { return compositions::SystemActors(namespace_, {}); };
  return settings;
}

class PlannerTest : public ::testing::Test {
 protected:
  // As the API would leave it.
  ports::PlannedWrite Write(const std::string& resource, const std::string& name, const std::string& text,
                            const std::string& namespace_ = "default") {
    ports::PlannedWrite write{resource, std::nullopt, Json(text)};
    const auto stored = plane_.Get(name, resource == "asyncactors" ? namespace_ : "", resource);
    write.after["apiVersion"] = "asya.sh/v1alpha1";
    if (stored) {
      write.before = *stored;
      const json::Value spec = write.after["spec"];
      write.after = *stored;
      write.after["spec"] = spec;
    } else {
      write.after["metadata"]["name"] = name;
      write.after["metadata"]["uid"] = "planned-" + name;
      if (resource == "asyncactors") write.after["metadata"]["namespace"] = namespace_;
    }
    return write;
  }
  ports::PlannedWrite Actor(const std::string& name, const std::string& spec_more = "",
                            const std::string& namespace_ = "default") {
    return Write("asyncactors", name, R"({"kind":"AsyncActor","spec":{"image":"i","handler":"h.f")" + spec_more + "}}",
                 namespace_);
  }
  ports::Plan Plan(const std::vector<ports::PlannedWrite>& writes) {
    const std::size_t in_store = plane_.store.writes();
    const std::size_t in_cluster = plane_.cluster.writes();
    const std::size_t at_broker = plane_.queues.writes;
    auto plan = planner_.Make(writes);
    EXPECT_TRUE(plan.ok()) << plan.error().message;
    EXPECT_EQ(plane_.store.writes(), in_store);
    EXPECT_EQ(plane_.cluster.writes(), in_cluster);
    EXPECT_EQ(plane_.queues.writes, at_broker);
    return plan.ok() ? *plan : ports::Plan{};
  }
  // "+ Deployment infer", one an element, in their order.
  static std::vector<std::string> Lines(const ports::Plan& plan) {
    std::vector<std::string> lines;
    for (const auto& change : plan.changes) {
      const char* sign = "~ ";
      if (change.action == ports::PlannedChange::Action::kCreate) sign = "+ ";
      if (change.action == ports::PlannedChange::Action::kDelete) sign = "- ";
      lines.push_back(sign + change.ref.kind + " " + change.ref.name);
    }
    return lines;
  }
  static std::string Fields(const ports::Plan& plan, const std::string& kind) {
    std::string text;
    for (const auto& change : plan.changes) {
      if (change.ref.kind != kind) continue;
      for (const auto& field : change.fields) {
        text += field.path + ": " + (field.before ? json::Dump(*field.before) : "") + " -> " +
                (field.after ? json::Dump(*field.after) : "") + "\n";
      }
    }
    return text;
  }
  static std::string Problems(const ports::Plan& plan) {
    std::string text;
    for (const auto& problem : plan.problems) text += problem.actor + ": " + problem.message + "\n";
    return text;
  }

  ControlPlane plane_{1};
  TriedCluster tried_{plane_.cluster};
  compositions::ActorComposer composer_{compositions::Settings{}};
  reconcilers::ActorPlanner planner_{{plane_.store, tried_, composer_, plane_.queues, plane_.clock}, Settings()};
};

TEST_F(PlannerTest, ANewActorBringsItsQueueItsChildrenAndTheCrew) {
  const auto plan = Plan({Actor("infer")});
  const std::vector<std::string> expected{
      "+ AsyncActor infer", "+ AsyncActor x-sink",       "+ AsyncActor x-sump",  "+ Queue asya-default-infer",
      "+ Deployment infer", "+ ConfigMap infer-runtime", "+ ScaledObject infer", "+ Queue asya-default-x-sink"};
  auto lines = Lines(plan);
  ASSERT_GT(lines.size(), expected.size());
  lines.resize(expected.size());
  EXPECT_EQ(lines, expected);
  EXPECT_EQ(Problems(plan), "");

  plane_.CreateActor("infer");
  plane_.Run(seconds(3));
  for (const auto& change : plan.changes) {
    if (change.ref.kind == "Queue") {
      EXPECT_TRUE(plane_.queues.queues.contains(change.ref.name));
    } else if (change.ref.kind != "AsyncActor") {
      EXPECT_NE(plane_.cluster.Find(change.ref.kind, change.ref.name), nullptr) << change.ref.kind;
    }
  }
  EXPECT_TRUE(Plan({Actor("infer")}).changes.empty());
}

TEST_F(PlannerTest, AChangeIsToldWhereItComesOut) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(3));
  const auto plan =
      Plan({Actor("infer", R"(,"env":[{"name":"MODE","value":"quick"}],"scaling":{"maxReplicaCount":4})")});
  EXPECT_EQ(Lines(plan), (std::vector<std::string>{"~ AsyncActor infer", "~ Scaler infer", "~ Deployment infer",
                                                   "~ ScaledObject infer"}));
  EXPECT_EQ(Fields(plan, "ScaledObject"), "spec.maxReplicaCount: 10 -> 4\n");
  EXPECT_EQ(
      Fields(plan, "Deployment"),
      "spec.template.spec.containers[name=asya-runtime].env[name=MODE]:  -> {\"name\":\"MODE\",\"value\":\"quick\"}\n");
}

TEST_F(PlannerTest, WhatIsRenderedNoMoreGoes) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(3));
  const auto plan = Plan({Actor("infer", R"(,"replicas":1,"scaling":{"enabled":false})")});
  const auto lines = Lines(plan);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "- ScaledObject infer"), 1) << Problems(plan);
}

TEST_F(PlannerTest, DriftOfTheClusterIsSeen) {
  plane_.CreateActor("infer");
  plane_.Run(seconds(3));
  plane_.cluster.Lose("ScaledObject", "infer");
  plane_.queues.queues.erase("asya-default-infer");
  EXPECT_EQ(Lines(Plan({Actor("infer")})),
            (std::vector<std::string>{"+ Queue asya-default-infer", "+ ScaledObject infer"}));
}

TEST_F(PlannerTest, AFlavorRendersItsUsersAnew) {
  plane_.Create("flavors", R"({"kind":"Flavor","metadata":{"name":"big"},"spec":{"scaling":{"queueLength":3}}})");
  plane_.CreateActor("one", R"(,"flavors":["big"])");
  plane_.CreateActor("other");
  plane_.Run(seconds(3));
  const auto plan = Plan({Write("flavors", "big", R"({"kind":"Flavor","spec":{"scaling":{"queueLength":6}}})")});
  EXPECT_EQ(Lines(plan), (std::vector<std::string>{"~ Flavor big", "~ Scaler one"}));
  EXPECT_EQ(Fields(plan, "Scaler"), "scaling.queueLength: 3 -> 6\n") << "no object shows it";
  ASSERT_EQ(plan.rendered_anew.size(), 1U);
  EXPECT_EQ(plan.rendered_anew[0].actor + " by " + plan.rendered_anew[0].because, "default/one by Flavor big");
}

TEST_F(PlannerTest, AFlavorAndItsUserComeTogether) {
  const auto flavor = Write("flavors", "big", R"({"kind":"Flavor","spec":{"scaling":{"maxReplicaCount":6}}})");
  EXPECT_EQ(Problems(Plan({Actor("one", R"(,"flavors":["big"])")})),
            "default/one: spec.flavors: there is no Flavor big; the actor waits for it\n");
  EXPECT_EQ(Problems(Plan({flavor, Actor("one", R"(,"flavors":["big"])")})), "");
}

TEST_F(PlannerTest, AMoveTakesTheOldQueueWhenItIsEmpty) {
  SimulatedQueues other(plane_.faults);
  plane_.queues.second = &other;
  plane_.Create("transports", R"({"kind":"Transport","metadata":{"name":"pg"},"spec":{"type":"postgres"}})");
  plane_.CreateActor("infer", R"(,"paused":true)");
  plane_.Run(seconds(3));
  plane_.queues.Publish("asya-default-infer", 2);
  const auto plan = Plan({Actor("infer", R"(,"paused":true,"transport":"pg")")});
  const auto lines = Lines(plan);
  ASSERT_GE(lines.size(), 2U);
  const auto gone = std::find(lines.begin(), lines.end(), "- Queue asya-default-infer");
  ASSERT_NE(gone, lines.end());
  EXPECT_EQ(plan.changes[static_cast<std::size_t>(gone - lines.begin())].note,
            "on transport sqlite; 2 envelopes are still in it, and the actor moves when they are done");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "+ Queue asya-default-infer"), 1);
  plane_.queues.second = nullptr;
}

TEST_F(PlannerTest, WhatIsRefusedHidesNothingElse) {
  tried_.refused = "ScaledObject";
  const auto plan = Plan({Actor("infer")});
  const auto lines = Lines(plan);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "+ Deployment infer"), 1);
  EXPECT_EQ(Problems(plan).substr(0, 74),
            "default/infer: ScaledObject infer: spec: the cluster will not have it\ndefa");
}

TEST_F(PlannerTest, ABrokerThatIsNotServedIsAProblem) {
  plane_.Create("transports", R"({"kind":"Transport","metadata":{"name":"far"},"spec":{"type":"sqs"}})");
  EXPECT_NE(Problems(Plan({Actor("infer", R"(,"transport":"far")")}))
                .find("default/infer: transport far is of type sqs, which is not served here\n"),
            std::string::npos);
}

TEST_F(PlannerTest, PlansAreBoundedAndEnd) {
  std::vector<ports::PlannedWrite> writes;
  for (std::size_t i = 0; i <= reconcilers::ActorPlanner::kActorsTriedMax; ++i) {
    writes.push_back(Actor("a" + std::to_string(i)));
  }
  const auto plan = Plan(writes);
  EXPECT_EQ(Problems(plan), ": 3 more actors were not looked at, from default/a100 on; plan fewer objects at a time\n");
  auto first = planner_.TakePlace();
  auto second = planner_.TakePlace();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(planner_.TakePlace().error().code, ErrorCode::kTooMany);
  second->reset();
  EXPECT_TRUE(planner_.TakePlace().ok()) << "and it was given back at once";
  first->reset();
  planner_.Close();
  EXPECT_EQ(planner_.TakePlace().error().code, ErrorCode::kClosed);
}

}  // namespace
}  // namespace asya::simulation
