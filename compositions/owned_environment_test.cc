// What is rendered into a pod under a name of ours cannot come from its user too.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "compositions/actor_composer.h"
#include "compositions/crew.h"
#include "core/json/parse.h"
#include "model/kinds.h"
#include "model/validation.h"

namespace asya::compositions {
namespace {

// Rendered, yet nothing but what the documents offer for sidecar.env.
const std::set<std::string> kTuned = {"ASYA_ENDPOINT_ALLOW", "ASYA_RABBITMQ_PREFETCH", "ASYA_SQS_MESSAGE_BYTES",
                                      "ASYA_SQS_VISIBILITY_TIMEOUT", "ASYA_SQS_WAIT_TIME_SECONDS"};

// Some value, every field given.
json::Value Sample(const model::Schema& schema) {
  switch (schema.type) {
    case model::SchemaType::kInteger:
      return schema.minimum.value_or(0) + 1;
    case model::SchemaType::kBoolean:
      return true;
    case model::SchemaType::kObject: {
      json::Value object = json::Object{};
      for (const model::Schema& field : schema.fields) object[field.name] = Sample(field);
      return object;
    }
    case model::SchemaType::kMap:
      return json::Object{};
    case model::SchemaType::kList:
      return json::Array{};
    default:
      return schema.choices.empty() ? "http://x" : schema.choices.front();
  }
}

// Of every type, with and without credentials.
std::vector<json::Value> Transports() {
  const model::Schema& spec = *model::FindKind("transports")->schema.FindField("spec");
  std::vector<json::Value> transports;
  for (const std::string& type : spec.FindField("type")->choices) {
    json::Value block = Sample(*spec.FindField(type));
    for (int i = 0; i < 2; ++i) {
      transports.push_back(json::Object{{"metadata", json::Object{{"name", "t"}}},
                                        {"spec", json::Object{{"type", type}, {type, block}}}});
      block.AsObject().erase("credentialsSecretRef");
    }
  }
  return transports;
}

std::vector<json::Value> Actors() {
  const std::string workload = R"("workloadRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"w"},)";
  const std::string handler = R"("handler":"m.f","resiliency":{"actorTimeout":"1m","policies":{"default":
      {"maxAttempts":2}},"rules":[{"errors":["ValueError"],"policy":"default"}]},"stateProxy":[{"name":"s",
      "mount":{"path":"/s"},"connector":{"image":"c"}}])";
  const std::string endpoint = R"("endpoint":{"url":"http://localhost:8000/v1","protocol":"openai"})";
  std::vector<json::Value> actors = {SystemActor("x-sink", "n")};
  for (const std::string& spec : {R"("image":"i",)" + handler, endpoint, workload + handler, workload + endpoint}) {
    actors.push_back(
        json::Parse(R"({"kind":"AsyncActor","metadata":{"name":"a","namespace":"n"},"spec":{)" + spec + "}}").value());
  }
  return actors;
}

// Into `names`, from every container anywhere below.
void FindNames(const json::Value& value, std::set<std::string>& names) {
  if (value.IsArray()) {
    for (const json::Value& item : value.AsArray()) FindNames(item, names);
  }
  if (!value.IsObject()) return;
  for (const auto& [member, below] : value.AsObject()) {
    FindNames(below, names);
    if (member != "env") continue;
    for (const json::Value& entry : below.AsArray()) {
      const std::string name = entry.GetString("name").value_or("");
      if (name.starts_with("ASYA_") && name != "ASYA_ENABLE_VALIDATION") names.insert(name);  // of the crew's own env
    }
  }
}

bool MayBeGiven(const std::string& field, const std::string& name) {
  json::Value actor = json::Parse(R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":"a",
      "namespace":"n"},"spec":{"image":"i","handler":"m.f","sidecar":{}}})")
                          .value();
  json::Value& holder = field == "env" ? actor["spec"] : actor["spec"]["sidecar"];
  holder["env"] = json::Array{json::Object{{"name", name}, {"value", "x"}}};
  return model::Validate(*model::FindKindByName("AsyncActor"), actor, nullptr).empty();
}

TEST(OwnedEnvironment, WhatIsRenderedCannotBeGivenByTheUserToo) {
  Settings settings;
  settings.gateway_url = "https://g";
  settings.gateway_ca_pem = "pem";
  settings.serves_state = true;
  const ActorComposer composer(settings);
  std::set<std::string> names;
  for (const json::Value& transport : Transports()) {
    for (const json::Value& actor : Actors()) {
      ports::ComposeInput input;
      input.actor = actor;
      input.transport = transport;
      const auto set = composer.Compose(input);
      ASSERT_TRUE(set.ok()) << set.error().message;
      for (const json::Value& object : set->objects) FindNames(object, names);
      if (!set->injected) continue;
      FindNames(set->injected->relay, names);
      FindNames(set->injected->runtime, names);
    }
  }
  for (const char* name : {"ASYA_HANDLER", "ASYA_METRICS_ADDR", "ASYA_END_IN_RELAY", "ASYA_GATEWAY_TOKEN_FILE",
                           "ASYA_SQLITE_PATH", "ASYA_POSTGRES_URL", "ASYA_RABBITMQ_PASSWORD", "ASYA_AWS_REGION",
                           "ASYA_PUBSUB_ENDPOINT", "ASYA_STATE_PROXY_MOUNTS", "ASYA_RESILIENCY_RULES"}) {
    EXPECT_TRUE(names.contains(name)) << name << " was not rendered: this case looks at too little";
  }
  for (const std::string& name : names) {
    EXPECT_EQ(MayBeGiven("sidecar", name), kTuned.contains(name)) << name;
    EXPECT_EQ(MayBeGiven("env", name), kTuned.contains(name)) << name;
  }
  for (const std::string& name : kTuned) EXPECT_TRUE(names.contains(name)) << name << " is not rendered any more";
}

}  // namespace
}  // namespace asya::compositions
