#include "compositions/crew.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compositions/actor_composer.h"
#include "core/json/parse.h"
#include "model/kinds.h"
#include "model/validation.h"

namespace asya::compositions {
namespace {

json::Value Local() {
  return json::Object{{"metadata", json::Object{{"name", "local"}}}, {"spec", json::Object{{"type", "sqlite"}}}};
}

// Of the Deployment of an actor; "ends" behind a relay that does the handler's work itself.
std::vector<std::string> ContainersOf(const json::Value& actor, const std::string& gateway_url = "http://gateway") {
  ports::ComposeInput input;
  input.actor = actor;
  input.transport = Local();
  Settings settings;
  settings.gateway_url = gateway_url;
  const auto set = ActorComposer(settings).Compose(input);
  EXPECT_TRUE(set.ok()) << set.error().message;
  const auto deployment = std::ranges::find(
      set->objects, "Deployment", [](const json::Value& object) { return object.GetString("kind").value_or(""); });
  const json::Value* pod = deployment->FindPath({"spec", "template", "spec"});
  std::vector<std::string> names;
  for (const char* list : {"initContainers", "containers"}) {
    const json::Value* containers = pod->Find(list);
    if (containers == nullptr) continue;
    for (const json::Value& container : containers->AsArray()) {
      names.push_back(container.GetString("name").value_or(""));
      if (json::Dump(container).find(R"("ASYA_END_IN_RELAY","value":"true")") != std::string::npos) {
        names.push_back("ends");
      }
    }
  }
  return names;
}

TEST(Crew, IsScaledByTheBrokersTriggersWhereNobodyElseTellsKeda) {
  CrewOptions options;
  options.native_scaling = true;
  for (const std::string& name : SystemActorNames()) {
    const json::Value actor = SystemActor(name, "n", options);
    EXPECT_EQ(actor.FindPath({"spec", "scaling", "mode"})->AsString(), "native");
    EXPECT_EQ(SystemActor(name, "n").FindPath({"spec", "scaling", "mode"}), nullptr);
  }
}

TEST(Crew, NeedsARuntimeOnlyToKeepFiles) {
  for (const std::string& name : SystemActorNames()) {
    EXPECT_EQ(ContainersOf(SystemActor(name, "n")), (std::vector<std::string>{"asya-relay", "ends"}));
    CrewOptions keeping;
    keeping.persistence_mount = "/results";
    EXPECT_EQ(ContainersOf(SystemActor(name, "n", keeping)), (std::vector<std::string>{"asya-relay", "asya-runtime"}));
    json::Value own = SystemActor(name, "n");
    own["spec"]["handler"] = "mine.end";
    EXPECT_EQ(ContainersOf(own), (std::vector<std::string>{"asya-relay", "asya-runtime"}));
    json::Value unseen = SystemActor(name, "n");
    unseen["spec"]["envFrom"] = *json::Parse(R"([{"configMapRef":{"name":"c"}}])");
    EXPECT_EQ(ContainersOf(unseen), (std::vector<std::string>{"asya-relay", "asya-runtime"}));
  }
}

TEST(Crew, EndsInItsRelayWithoutAGatewayOnlyWhereNothingIsLostByThat) {
  EXPECT_EQ(ContainersOf(SystemActor("x-sink", "n"), ""), (std::vector<std::string>{"asya-relay", "ends"}));
  EXPECT_EQ(ContainersOf(SystemActor("x-sump", "n"), ""), (std::vector<std::string>{"asya-relay", "asya-runtime"}));
}

TEST(Crew, IsMadeOfValidActors) {
  const ActorComposer composer{Settings()};
  for (const std::string& name : SystemActorNames()) {
    CrewOptions options;
    options.source_dir = "/crew";
    const json::Value actor = SystemActor(name, "n", options);
    EXPECT_EQ(model::Describe(model::Validate(*model::FindKind("asyncactors"), actor, nullptr)), "[]");
    ports::ComposeInput input;
    input.actor = actor;
    input.transport = Local();
    const auto set = composer.Compose(input);
    ASSERT_TRUE(set.ok()) << set.error().message;
    const std::string text = json::Dump(json::Array(set->objects));
    EXPECT_NE(text.find(R"({"name":"ASYA_IS_END_ACTOR","value":"true"})"), std::string::npos);
    EXPECT_NE(text.find(R"("local.asya.sh/source-dir":"/crew")"), std::string::npos);
  }
}

}  // namespace
}  // namespace asya::compositions
