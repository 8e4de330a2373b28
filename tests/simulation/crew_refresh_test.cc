// What becomes of the system actors of a namespace when people change them, and when the control plane does.
#include <gtest/gtest.h>

#include "tests/simulation/control_plane.h"

namespace asya::simulation {
namespace {

using std::chrono::seconds;

class CrewRefresh : public ::testing::Test {
 protected:
  void Begin(const std::string& spec_more = "") {
    plane_.CreateActor("infer", spec_more);
    plane_.Run(seconds(3));
  }
  void Restart() {
    plane_.Restart();
    plane_.Run(seconds(3));
  }
  // As `kubectl patch` does it in docs/tasks.md.
  void AddHooks() {
    plane_.Change("asyncactors", "default", "x-sink", [](json::Value& sink) {
      sink["spec"]["env"].AsArray().push_back(json::Object{{"name", "ASYA_SINK_HOOKS"}, {"value", "notify"}});
      sink["spec"]["sidecar"] = Json(R"({"resources":{"limits":{"memory":"1Gi"}}})");
    });
  }
  json::Value Spec() { return *plane_.Get("x-sink")->Find("spec"); }
  std::string Environment() {
    const json::Value spec = Spec();
    std::string text;
    for (const auto& entry : spec.Find("env")->AsArray()) text += *entry.GetString("name") + " ";
    return text;
  }
  std::int64_t Generation() { return plane_.Get("x-sink")->FindPath({"metadata", "generation"})->AsInt(); }

  ControlPlane plane_{1};
};

TEST_F(CrewRefresh, WhatAPersonAddsStays) {
  Begin();
  AddHooks();
  const std::string before = json::Dump(Spec());
  plane_.CreateActor("second");
  plane_.Run(seconds(3));
  EXPECT_EQ(json::Dump(Spec()), before);
  Restart();
  EXPECT_EQ(json::Dump(Spec()), before);
  EXPECT_EQ(Environment(), "ASYA_ENABLE_VALIDATION ASYA_SINK_HOOKS ");
  EXPECT_EQ(Generation(), 2) << "nothing is written where nothing changes";
}

TEST_F(CrewRefresh, WhatTheControlPlaneChangesArrivesBesideIt) {
  Begin();
  AddHooks();
  plane_.crew.image = "asya-crew:2";
  plane_.crew.persistence_mount = "/records";
  plane_.crew.native_scaling = true;
  Restart();
  EXPECT_EQ(Spec().GetString("image"), "asya-crew:2");
  EXPECT_EQ(Spec()["scaling"].GetString("mode"), "native");
  EXPECT_EQ(Environment(), "ASYA_ENABLE_VALIDATION ASYA_SINK_HOOKS ASYA_PERSISTENCE_MOUNT ");
  EXPECT_NE(Spec().Find("sidecar"), nullptr);
  plane_.crew = {};
  Restart();
  EXPECT_EQ(Spec().GetString("image"), "asya-crew:latest");
  EXPECT_EQ(Spec()["scaling"].GetString("mode"), std::nullopt) << "what it does not ask for any more goes";
  EXPECT_EQ(Environment(), "ASYA_ENABLE_VALIDATION ASYA_SINK_HOOKS ");
}

TEST_F(CrewRefresh, ItsOwnFieldsAreSetBack) {
  Begin();
  plane_.Change("asyncactors", "default", "x-sink", [](json::Value& sink) {
    sink["spec"]["image"] = "mine";
    sink["spec"]["env"].AsArray()[0]["value"] = "true";
  });
  Restart();
  EXPECT_EQ(Spec().GetString("image"), "asya-crew:latest");
  EXPECT_EQ(Spec()["env"].AsArray()[0].GetString("value"), "false");
}

TEST_F(CrewRefresh, StaysOnTheTransportOfItsNamespace) {
  Begin();
  plane_.Change("asyncactors", "default", "x-sink", [](json::Value& sink) { sink["spec"]["transport"] = "sqlite"; });
  Restart();
  EXPECT_EQ(Spec().GetString("transport"), std::nullopt) << "results would wait where nobody reads";
  const auto stored = plane_.Get("x-sink");
  Restart();
  EXPECT_EQ(plane_.Get("x-sink"), stored) << "and nothing is written again";
}

TEST_F(CrewRefresh, OneOfAnEarlierVersionKeepsWhatWasAddedAndLeavesWithItsNamespace) {
  Begin(R"(,"transport":"sqlite")");
  AddHooks();
  plane_.Change("asyncactors", "default", "x-sink",
                [](json::Value& sink) { sink["metadata"].AsObject().erase("managedFields"); });
  EXPECT_EQ(Spec().GetString("transport"), "sqlite");
  plane_.Change("asyncactors", "default", "infer",
                [](json::Value& actor) { actor["spec"].AsObject().erase("transport"); });
  Restart();
  EXPECT_EQ(Spec().GetString("transport"), std::nullopt) << "the end of a route is where its actors are";
  EXPECT_EQ(Environment(), "ASYA_ENABLE_VALIDATION ASYA_SINK_HOOKS ");
}

}  // namespace
}  // namespace asya::simulation
