#include "model/validation.h"

#include "model/validate/causes.h"

namespace asya::model {
namespace {

constexpr std::size_t kSqsNameLimitBytes = 80;
constexpr std::size_t kBrokerNameLimitBytes = 255;

void CheckTypeMeta(const KindInfo& kind, const json::Value& object, Causes& causes) {
  const json::Value* version = object.Find("apiVersion");
  if (version == nullptr || version->IsNull()) {
    AddRequired(causes, "apiVersion", "must be \"asya.sh/v1alpha1\"");
  } else if (version->IsString() && version->AsString() != kApiVersion) {
    AddNotSupported(causes, "apiVersion", *version, {std::string(kApiVersion)});
  }
  const json::Value* name = object.Find("kind");
  if (name == nullptr || name->IsNull()) {
    AddRequired(causes, "kind", "must be " + json::Quote(kind.kind));
  } else if (name->IsString() && name->AsString() != kind.kind) {
    AddNotSupported(causes, "kind", *name, {kind.kind});
  }
}

// Members that are null count as absent, also for the checks across fields.
json::Value WithoutNulls(const json::Value& value) {
  if (!value.IsObject()) return value;
  json::Object kept;
  for (const auto& [key, member] : value.AsObject()) {
    if (!member.IsNull()) kept.emplace(key, WithoutNulls(member));
  }
  return kept;
}

void CheckSpec(const KindInfo& kind, const json::Value& object, const json::Value* old, Causes& causes) {
  const json::Value* found = object.Find("spec");
  if (found == nullptr || !found->IsObject()) return;
  const json::Value spec = WithoutNulls(*found);
  if (kind.kind == "AsyncActor") {
    CheckActorIdentity(object, old, causes);
    const json::Value* flavors = spec.Find("flavors");
    CheckActorSource(spec, flavors != nullptr && flavors->IsArray() && !flavors->AsArray().empty(), causes);
    CheckActorSpec(spec, true, causes);
  } else if (kind.kind == "Flavor") {
    CheckActorSpec(spec, false, causes);
  } else if (kind.kind == "Transport") {
    CheckTransport(spec, causes);
  } else if (kind.kind == "Flow") {
    CheckFlow(spec, causes);
  } else if (kind.kind == "Composition") {
    CheckComposition(spec, old, causes);
  } else if (kind.kind == "Function") {
    CheckFunction(spec, causes);
  }
}

}  // namespace

std::string Describe(const Cause& cause) {
  return cause.field.empty() ? cause.message : cause.field + ": " + cause.message;
}

std::string Describe(const std::vector<Cause>& causes) {
  if (causes.size() == 1) return Describe(causes.front());
  std::string text = "[";
  for (std::size_t i = 0; i < causes.size(); ++i) text += (i == 0 ? "" : ", ") + Describe(causes[i]);
  return text + "]";
}

std::vector<Cause> Validate(const KindInfo& kind, const json::Value& object, const json::Value* old) {
  Causes causes;
  if (!object.IsObject()) {
    AddWrongType(causes, "", object, kind.schema);
    return causes;
  }
  CheckTypeMeta(kind, object, causes);
  CheckMetadata(kind, object, causes);
  CheckStructure(kind.schema, object, "", causes);
  CheckSpec(kind, object, old, causes);
  return causes;
}

std::vector<Cause> ValidateEffectiveSpec(const json::Value& spec) {
  Causes causes;
  const Schema* schema = FindKindByName("AsyncActor")->schema.FindField("spec");
  CheckStructure(*schema, spec, "spec", causes);
  CheckActorSource(spec, false, causes);
  CheckActorSpec(spec, true, causes);
  return causes;
}

std::vector<Cause> ValidateQueueName(const json::Value& actor, std::string_view transport_type) {
  Causes causes;
  const std::size_t limit = transport_type == "sqs" ? kSqsNameLimitBytes : kBrokerNameLimitBytes;
  const std::string name = ActorQueueName(actor);
  if (name.size() > limit) {
    AddInvalid(causes, actor.FindPath({"spec", "actor"}) != nullptr ? "spec.actor" : "metadata.name",
               ActorIdentity(actor),
               "the queue name " + json::Quote(name) + " must be at most " + std::to_string(limit) + " bytes on " +
                   std::string(transport_type) + ": choose a shorter actor or namespace name");
  }
  return causes;
}

}  // namespace asya::model
