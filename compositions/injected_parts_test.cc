#include <gtest/gtest.h>

#include "compositions/actor_composer.h"
#include "core/json/parse.h"

namespace asya::compositions {
namespace {

std::optional<ports::InjectedParts> Parts(const std::string& spec) {
  ports::ComposeInput input;
  input.actor =
      json::Parse(R"({"kind":"AsyncActor","metadata":{"name":"llm","namespace":"n"},"spec":)" + spec + "}").value();
  input.transport =
      json::Parse(R"({"metadata":{"name":"r"},"spec":{"type":"rabbitmq","rabbitmq":{"host":"h","port":5672}}})")
          .value();
  const auto set = ActorComposer(Settings()).Compose(input);
  EXPECT_TRUE(set.ok()) << set.error().message;
  return set.ok() ? set->injected : std::nullopt;
}

const std::string kWorkload = R"("workloadRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"vllm"})";

std::string Text(const json::Value& object, std::string_view list, std::string_view name, std::string_view field) {
  for (const json::Value& one : object.Find(list)->AsArray()) {
    if (one.GetString("name") == name) return json::Dump(*one.Find(field));
  }
  return "";
}

TEST(InjectedParts, AreOfActorsThatAreBoundToPodsOfOthers) {
  EXPECT_FALSE(Parts(R"({"image":"a","handler":"m.f"})"));
  EXPECT_TRUE(Parts("{" + kWorkload + R"(,"handler":"m.f"})"));
}

TEST(InjectedParts, BringNoRuntimeToAModelServer) {
  const auto parts = Parts("{" + kWorkload + R"(,"endpoint":{"url":"http://localhost:8000/v1","protocol":"openai"}})");
  ASSERT_TRUE(parts);
  EXPECT_TRUE(parts->runtime.IsNull());
  EXPECT_EQ(json::Dump(parts->volumes), R"([{"emptyDir":{},"name":"asya-socket"}])");
  EXPECT_EQ(parts->relay.GetString("restartPolicy"), "Always");
  EXPECT_EQ(parts->relay.Find("readinessProbe"), nullptr) << "others call the pod too";
  EXPECT_EQ(json::Dump(*parts->relay.Find("ports")), R"([{"containerPort":18080,"name":"asya-metrics"}])");
  EXPECT_EQ(Text(parts->relay, "env", "ASYA_METRICS_ADDR", "value"), R"(":18080")");
  EXPECT_EQ(Text(parts->relay, "env", "ASYA_ENDPOINT_ALLOW", "value"), R"("loopback")");
  EXPECT_EQ(json::Dump(*parts->relay.FindPath({"startupProbe", "httpGet", "port"})), "18080");
  EXPECT_TRUE(parts->relay.Find("securityContext")->GetBool("runAsNonRoot").value_or(false));
  EXPECT_EQ(Text(parts->relay, "volumeMounts", "asya-socket", "mountPath"), R"("/var/run/asya")");
  EXPECT_EQ(parts->grace_seconds, 330);
}

TEST(InjectedParts, LeaveTheContainerOfOthersWhatIsItsOwn) {
  const auto parts = Parts("{" + kWorkload + R"(,"handler":"m.f","env":[{"name":"A","value":"1"}]})");
  ASSERT_TRUE(parts);
  const json::Value& runtime = parts->runtime;
  for (const char* field : {"name", "image", "securityContext", "resources"}) EXPECT_EQ(runtime.Find(field), nullptr);
  EXPECT_TRUE(runtime.Find("args")->IsNull());
  EXPECT_EQ(Text(runtime, "env", "ASYA_HANDLER", "value"), R"("m.f")");
  EXPECT_EQ(Text(runtime, "env", "A", "value"), R"("1")");
  EXPECT_EQ(Text(runtime, "env", "HOME", "value"), "");
  EXPECT_EQ(Text(runtime, "volumeMounts", "tmp", "mountPath"), "");
  EXPECT_EQ(json::Dump(parts->volumes),
            R"([{"emptyDir":{},"name":"asya-socket"},{"configMap":{"name":"llm-runtime"},"name":"asya-runtime"}])");
}

}  // namespace
}  // namespace asya::compositions
