// TestActor: the parts of an actor as the built-in composition renders them, and pods of others; for tests.
#pragma once

#include <string>
#include <string_view>

#include "compositions/actor_composer.h"
#include "core/json/parse.h"
#include "core/json/value.h"
#include "ports/composer.h"

namespace asya::webhooks {

inline constexpr const char* kModelServer = R"("endpoint":{"url":"http://localhost:8000/v1","protocol":"openai"})";
inline constexpr const char* kHandler = R"("handler":"m.f")";

inline json::Value ActorWith(const std::string& spec) {
  return json::Parse(R"({"kind":"AsyncActor","metadata":{"name":"llm","namespace":"n"},"spec":{)" + spec +
                     R"(,"workloadRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"vllm"}}})")
      .value();
}

inline json::Value TestTransport() {
  return json::Parse(
             R"({"metadata":{"name":"r"},"spec":{"type":"rabbitmq","default":true,"rabbitmq":{"host":"h","port":1}}})")
      .value();
}

inline ports::InjectedParts PartsOf(const std::string& spec) {
  ports::ComposeInput input;
  input.actor = ActorWith(spec);
  input.transport = TestTransport();
  compositions::Settings settings;
  settings.serves_state = true;
  return compositions::ActorComposer(settings).Compose(input).value().injected.value();
}

// Its own containers, and more of its spec and annotations.
inline json::Value PodOf(std::string_view containers, const std::string& spec = "",
                         const std::string& annotations = "") {
  return json::Parse(R"({"metadata":{"generateName":"vllm-","labels":{"asya.sh/inject":"true","asya.sh/actor":"llm"})" +
                     (annotations.empty() ? "" : R"(,"annotations":{)" + annotations + "}") +
                     R"(},"spec":{"containers":[)" + std::string(containers) + "]" + (spec.empty() ? "" : "," + spec) +
                     "}}")
      .value();
}

}  // namespace asya::webhooks
