// Which trigger an actor is scaled by.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "compositions/actor_composer.h"
#include "core/json/parse.h"

namespace asya::compositions {
namespace {

// Of an actor in native mode on RabbitMQ with this in its Transport: the type of its first trigger, then its warnings.
std::string NativeTriggerOn(const std::string& block) {
  ports::ComposeInput input;
  input.actor = json::Parse(R"({"kind":"AsyncActor","metadata":{"name":"infer","namespace":"n"},
      "spec":{"image":"a","handler":"m.f","scaling":{"mode":"native"}}})")
                    .value();
  input.transport = json::Parse(R"({"kind":"Transport","metadata":{"name":"r"},
      "spec":{"type":"rabbitmq","rabbitmq":{"host":"h")" +
                                block + "}}}")
                        .value();
  const auto set = ActorComposer(Settings()).Compose(input);
  if (!set.ok()) return set.error().message;
  const auto scaled = std::ranges::find_if(
      set->objects, [](const json::Value& object) { return object.GetString("kind") == "ScaledObject"; });
  if (scaled == set->objects.end()) return "none";
  std::string told = scaled->FindPath({"spec", "triggers"})->AsArray()[0].GetString("type").value_or("");
  for (const std::string& warning : set->warnings) told += "; " + warning;
  return told;
}

TEST(ScaledObject, ATriggerOfRabbitmqThatCouldNotLogInIsNotRendered) {
  const std::string url = R"(,"managementUrl":"http://h:15672")";
  EXPECT_EQ(NativeTriggerOn(url + R"(,"credentialsSecretRef":{"name":"s"})"), "rabbitmq");
  EXPECT_EQ(NativeTriggerOn(url),
            "external-push; spec.scaling.mode: native needs a trigger of KEDA's, and transport \"r\" has no "
            "credentialsSecretRef: our scaler decides");
  EXPECT_EQ(NativeTriggerOn(""),
            "external-push; spec.scaling.mode: native needs a trigger of KEDA's, and transport \"r\" has no "
            "managementUrl: our scaler decides");
}

}  // namespace
}  // namespace asya::compositions
