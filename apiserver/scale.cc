#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "apiserver/apply.h"
#include "apiserver/body.h"
#include "apiserver/flavors.h"
#include "apiserver/object.h"
#include "apiserver/patch_body.h"
#include "apiserver/verbs.h"
#include "apiserver/write.h"
#include "core/json/parse.h"
#include "model/kinds.h"

namespace asya::apiserver {
namespace {

constexpr int kPatchAttempts = 5;  // against writers that come in between
constexpr const char* kScaleVersion = "autoscaling/v1";

// What the actor says of its replicas, or its flavors where it says nothing itself.
struct Replicas {
  std::optional<bool> scaled;
  std::optional<std::int64_t> count;  // means something only where it is not scaled

  [[nodiscard]] bool FollowQueue() const { return scaled.value_or(true); }
  [[nodiscard]] bool Complete() const { return scaled && (*scaled || count); }
};

void AddOwn(const json::Value& spec, Replicas& replicas) {
  const json::Value* scaling = spec.Find("scaling");
  // Its own scaling takes the place of that of all flavors, as a whole.
  if (scaling != nullptr && !scaling->IsNull()) replicas.scaled = scaling->GetBool("enabled").value_or(true);
  replicas.count = spec.GetInt("replicas");
}

void AddFlavor(const json::Value& spec, Replicas& replicas) {
  const json::Value* scaling = spec.Find("scaling");
  if (!replicas.scaled && scaling != nullptr) replicas.scaled = scaling->GetBool("enabled");
  if (!replicas.count) replicas.count = spec.GetInt("replicas");
}

Outcome<Replicas> ReplicasOf(ports::ObjectStore& store, const json::Value& actor) {
  Replicas replicas;
  if (const json::Value* spec = actor.Find("spec")) AddOwn(*spec, replicas);
  if (replicas.Complete()) return replicas;
  ASYA_TRY(const std::vector<json::Value> flavors, FlavorsOf(store, actor));
  for (const json::Value& flavor : flavors) {
    if (const json::Value* spec = flavor.Find("spec")) AddFlavor(*spec, replicas);
  }
  return replicas;
}

json::Value ScaleOf(const json::Value& actor, const Replicas& replicas) {
  const json::Value* workload = actor.FindPath({"status", "infrastructure", "workload"});
  const std::int64_t present = workload == nullptr ? 0 : workload->GetInt("replicas").value_or(0);
  // What scaling would do decides the wanted count while it is on, so the count that is there stands for it.
  const std::int64_t wanted = replicas.FollowQueue() ? present : replicas.count.value_or(1);
  json::Object metadata;
  for (const char* member : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    if (const std::string text = MetadataText(actor, member); !text.empty()) metadata[member] = text;
  }
  return json::Object{
      {"kind", "Scale"},
      {"apiVersion", kScaleVersion},
      {"metadata", std::move(metadata)},
      {"spec", json::Object{{"replicas", wanted}}},
      {"status", json::Object{{"replicas", present}, {"selector", "asya.sh/actor=" + model::ActorIdentity(actor)}}}};
}

http::Response Answer(const Call& call, const json::Value& actor, const Replicas& replicas) {
  http::Response response;
  response.body = json::Dump(ScaleOf(actor, replicas));
  AddWarnings(call, response);
  return response;
}

// The actor with the count that `scale` asks for, which is that of `present` from then on.
Outcome<json::Value> Scaled(const Call& call, json::Value actor, Replicas& present, const json::Value& scale) {
  const auto invalid = [&](const char* reason, const std::string& message) {
    return Invalid(*call.resource, call.info.name, {{"spec.replicas", reason, message}});
  };
  const json::Value* spec = scale.Find("spec");
  const json::Value* replicas = spec == nullptr ? nullptr : spec->Find("replicas");
  if (replicas == nullptr || !replicas->IsInt()) return invalid("FieldValueRequired", "Required value: an integer");
  if (present.FollowQueue()) {
    return invalid("FieldValueForbidden",
                   "Forbidden: the replicas of this actor follow its queue; set spec.scaling.minReplicaCount and "
                   "maxReplicaCount, or spec.scaling.enabled to false");
  }
  present.count = replicas->AsInt();
  actor["spec"]["replicas"] = *replicas;
  if (const std::string revision = MetadataText(scale, "resourceVersion"); !revision.empty()) {
    MetadataOf(actor)["resourceVersion"] = revision;
  }
  return actor;
}

Outcome<Done> CheckScale(const Call& call, const json::Value& scale) {
  if (scale.GetString("kind") != "Scale") return BadRequest("the body must be of kind Scale in autoscaling/v1");
  if (const std::string name = MetadataText(scale, "name"); name != call.info.name) {
    return BadRequest("the name of the object (" + name + ") does not match the name on the URL (" + call.info.name +
                      ")");
  }
  return Done{};
}

}  // namespace

Outcome<http::Response> GetScale(const Context& context, Call& call) {
  const auto record = context.store.Get(call.Key());
  if (!record.ok()) return FromStore(record.error(), *call.resource, call.info.name);
  ASYA_TRY(const json::Value actor, ObjectOf(*record));
  ASYA_TRY(const Replicas replicas, ReplicasOf(context.store, actor));
  return Answer(call, actor, replicas);
}

Outcome<http::Response> UpdateScale(const Context& context, Call& call) {
  ASYA_TRY(const WriteOptions options, ParseWriteOptions(call.request, "UpdateOptions"));
  ASYA_TRY(const json::Value scale, DecodeJson(call));
  ASYA_TRY([[maybe_unused]] const Done checked, CheckScale(call, scale));
  const auto record = context.store.Get(call.Key());
  if (!record.ok()) return FromStore(record.error(), *call.resource, call.info.name);
  ASYA_TRY(json::Value live, ObjectOf(*record));
  ASYA_TRY(Replicas replicas, ReplicasOf(context.store, live));
  ASYA_TRY(json::Value actor, Scaled(call, std::move(live), replicas, scale));
  ASYA_TRY(const Written written, Write(context, call, options, *record, std::move(actor), Part::kSpec));
  if (written.raced) return Modified(*call.resource, call.info.name);
  return Answer(call, json::Parse(written.bytes).value(), replicas);
}

Outcome<http::Response> PatchScale(const Context& context, Call& call) {
  if (IsApply(call.request)) return ApplyScale(context, call);
  ASYA_TRY(const WriteOptions options, ParseWriteOptions(call.request, "PatchOptions"));
  ASYA_TRY(const PatchBody patch, PatchBody::Decode(call));
  for (int attempt = 1; attempt <= kPatchAttempts; ++attempt) {
    const auto record = context.store.Get(call.Key());
    if (!record.ok()) return FromStore(record.error(), *call.resource, call.info.name);
    ASYA_TRY(json::Value actor, ObjectOf(*record));
    ASYA_TRY(Replicas replicas, ReplicasOf(context.store, actor));
    ASYA_TRY(const json::Value scale, patch.Apply(call, ScaleOf(actor, replicas)));
    ASYA_TRY(json::Value scaled, Scaled(call, std::move(actor), replicas, scale));
    ASYA_TRY(const Written written, Write(context, call, options, *record, std::move(scaled), Part::kSpec));
    if (!written.raced) return Answer(call, json::Parse(written.bytes).value(), replicas);
  }
  return Modified(*call.resource, call.info.name);
}

// The replicas of the actor are applied, by a manager of its own: that of the scale.
Outcome<http::Response> ApplyScale(const Context& context, Call& call) {
  ASYA_TRY(const WriteOptions options, ParseWriteOptions(call.request, "PatchOptions"));
  ASYA_TRY(const json::Value scale, DecodeConfig(context, call, options));
  ASYA_TRY([[maybe_unused]] const Done checked, CheckScale(call, scale));
  for (int attempt = 1; attempt <= kPatchAttempts; ++attempt) {
    const auto record = context.store.Get(call.Key());
    if (!record.ok()) return FromStore(record.error(), *call.resource, call.info.name);
    ASYA_TRY(json::Value live, StoredObjectOf(*record));
    ASYA_TRY(Replicas replicas, ReplicasOf(context.store, live));
    ASYA_TRY(const json::Value scaled, Scaled(call, live, replicas, scale));
    const json::Value config =
        json::Object{{"spec", json::Object{{"replicas", *scaled.FindPath({"spec", "replicas"})}}}};
    ASYA_TRY(json::Value actor, Applied(context, call, options, std::move(live), config, kScaleVersion));
    if (const std::string revision = MetadataText(scale, "resourceVersion"); !revision.empty()) {
      MetadataOf(actor)["resourceVersion"] = revision;
    }
    ASYA_TRY(const Written written,
             Write(context, call, options, *record, std::move(actor), Part::kSpec, Ownership::kDecided));
    if (!written.raced) return Answer(call, json::Parse(written.bytes).value(), replicas);
  }
  return Modified(*call.resource, call.info.name);
}

}  // namespace asya::apiserver
