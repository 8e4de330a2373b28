#include "compositions/crew.h"

#include "model/kinds.h"

namespace asya::compositions {
namespace {

constexpr std::int64_t kNativePollSeconds = 5;

// An end actor has nowhere to pass a failure on to: it tries for as long as it takes, at a bounded pace.
json::Value EndlessResiliency() {
  json::Object policy = {
      {"maxAttempts", 1'000'000}, {"backoff", "exponential"}, {"initialDelay", "1s"}, {"maxInterval", "60s"}};
  return json::Object{{"actorTimeout", "60s"}, {"policies", json::Object{{"default", std::move(policy)}}}};
}

json::Value Annotations(const CrewOptions& options) {
  json::Object annotations;
  if (!options.source_dir.empty()) annotations["local.asya.sh/source-dir"] = options.source_dir;
  if (!options.python.empty()) annotations["local.asya.sh/python"] = options.python;
  return annotations;
}

}  // namespace

const std::vector<std::string>& SystemActorNames() {
  static const std::vector<std::string> names = {"x-sink", "x-sump"};
  return names;
}

json::Value SystemActor(std::string_view name, std::string_view namespace_, const CrewOptions& options) {
  const bool sink = name == "x-sink";
  json::Array environment = {json::Object{{"name", "ASYA_ENABLE_VALIDATION"}, {"value", "false"}}};
  if (!options.persistence_mount.empty()) {
    environment.push_back(json::Object{{"name", kPersistenceVariable}, {"value", options.persistence_mount}});
  }
  json::Object spec = {
      {"image", options.image},
      {"handler", sink ? kSinkHandler : kSumpHandler},
      {"concurrency", 16},
      {"env", std::move(environment)},
      {"scaling", json::Object{{"minReplicaCount", 0},
                               {"maxReplicaCount", 1},
                               {"queueLength", 1000},
                               {"cooldownPeriod", options.cooldown_seconds}}},
      {"resiliency", EndlessResiliency()},
  };
  if (options.native_scaling) {
    // A result should not wait for half a minute to be told.
    spec["scaling"]["mode"] = "native";
    spec["scaling"]["pollingInterval"] = kNativePollSeconds;
  }
  if (!options.transport.empty()) spec["transport"] = options.transport;
  json::Object metadata = {
      {"name", name}, {"namespace", namespace_}, {"labels", json::Object{{"asya.sh/system", "true"}}}};
  json::Value annotations = Annotations(options);
  if (!annotations.AsObject().empty()) metadata["annotations"] = std::move(annotations);
  return json::Object{{"apiVersion", model::kApiVersion},
                      {"kind", "AsyncActor"},
                      {"metadata", std::move(metadata)},
                      {"spec", std::move(spec)}};
}

std::vector<json::Value> SystemActors(const std::string& namespace_, const CrewOptions& options) {
  std::vector<json::Value> actors;
  for (const std::string& name : SystemActorNames()) actors.push_back(SystemActor(name, namespace_, options));
  return actors;
}

}  // namespace asya::compositions
