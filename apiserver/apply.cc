#include "apiserver/apply.h"

#include <utility>

#include "apiserver/body.h"
#include "apiserver/create.h"
#include "apiserver/fields.h"
#include "apiserver/last_applied.h"
#include "apiserver/object.h"
#include "apiserver/ownership.h"
#include "apiserver/verbs.h"
#include "apiserver/write.h"
#include "core/json/parse.h"
#include "model/ownership/structure.h"

namespace asya::apiserver {
namespace {

constexpr int kApplyAttempts = 5;  // against writers that come in between

// JSON is YAML, but says of repeated fields where they are.
Outcome<json::Value> Parse(const Context& context, const std::string& body, std::vector<std::string>& duplicates) {
  json::ParseOptions options;
  options.depth_limit = kBodyDepthLimit;
  options.duplicate_paths = &duplicates;
  auto parsed = json::Parse(body, options);
  if (!parsed.ok() && context.parse_yaml != nullptr) {
    duplicates.clear();
    parsed = context.parse_yaml(body);
  }
  if (!parsed.ok()) return BadRequest("error decoding YAML: " + parsed.error().message);
  if (!parsed->IsObject()) return BadRequest("error decoding YAML: an applied configuration is an object");
  return std::move(parsed).value();
}

// Leaves what the endpoint can change, without what only the server writes.
void KeepWritable(bool status_only, json::Value& config) {
  for (const char* member : {"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
                             "resourceVersion", "selfLink", "uid"}) {
    MetadataOf(config).AsObject().erase(member);
  }
  if (!status_only) {
    config.AsObject().erase("status");
    return;
  }
  json::Object kept;
  if (json::Value* status = config.Find("status")) kept["status"] = std::move(*status);
  config = std::move(kept);
}

// What a configuration says about the object it is meant for, beside its fields.
struct Target {
  std::string uid;
  std::string revision;
};

Outcome<json::Value> Prepare(const Context& context, Call& call, const WriteOptions& options, Target& target) {
  ASYA_TRY(json::Value config, DecodeConfig(context, call, options));
  const json::Value* metadata = config.Find("metadata");
  const bool usable = metadata == nullptr || metadata->IsNull() || metadata->IsObject();
  if (usable && MetadataText(config, "name").empty()) MetadataOf(config)["name"] = call.info.name;
  ASYA_TRY([[maybe_unused]] const Done matched, MatchUrl(call, config));
  ASYA_TRY([[maybe_unused]] const Done pruned, PruneFields(call, options, config));
  auto causes = model::CheckElements(call.resource->kind.schema, config);
  if (!causes.empty()) return Invalid(*call.resource, call.info.name, std::move(causes));
  target = {MetadataText(config, "uid"), MetadataText(config, "resourceVersion")};
  return config;
}

Outcome<http::Response> ApplyToNothing(const Context& context, Call& call, const WriteOptions& options,
                                       const Target& target, const json::Value& config) {
  if (!target.uid.empty()) {
    return Conflict(
        *call.resource, call.info.name,
        "uid mismatch: the provided object specified uid " + target.uid + ", and no existing object was found");
  }
  if (!target.revision.empty()) return Modified(*call.resource, call.info.name);
  if (context.authorize) {
    Call create = call;
    create.info.verb = "create";
    ASYA_TRY([[maybe_unused]] const Done allowed, context.authorize(create));
  }
  model::ApplyResult applied = model::Apply(call.resource->kind.schema, json::Value(), config,
                                            WriterOf(context, call, options), options.force, {});
  PutManagedFields(applied.managers, applied.object);
  return CreateFrom(context, call, options, std::move(applied.object), Ownership::kDecided);
}

}  // namespace

Outcome<json::Value> DecodeConfig(const Context& context, Call& call, const WriteOptions& options) {
  std::vector<std::string> problems;
  ASYA_TRY(json::Value config, Parse(context, call.request.body, problems));
  for (std::string& path : problems) path = "duplicate field \"" + path + "\"";
  ASYA_TRY([[maybe_unused]] const Done reported, ReportFields(call, options, problems));
  const json::Value* owners = config.FindPath({"metadata", "managedFields"});
  if (owners != nullptr && !owners->IsNull()) return BadRequest("metadata.managedFields must be nil");
  return config;
}

Outcome<json::Value> Applied(const Context& context, const Call& call, const WriteOptions& options, json::Value live,
                             const json::Value& config, const std::string& shown_version) {
  const model::Schema& schema = call.resource->kind.schema;
  const model::FieldWriter writer = WriterOf(context, call, options);
  auto managers = model::DecodeManagers(TakeManagedFields(live));
  if (!managers.ok()) managers = model::Managers();
  model::ApplyResult applied = model::Apply(schema, live, config, writer, options.force, *managers);
  if (!applied.conflicts.empty() && writer.manager == kKubectl) {
    if (const auto taken_over = FieldsOfLastApplied(*call.resource, live)) {
      std::erase_if(applied.conflicts, [&](const auto& conflict) { return taken_over->Has(conflict.path); });
    }
    if (applied.conflicts.empty()) applied = model::Apply(schema, live, config, writer, true, *managers);
  }
  if (!applied.conflicts.empty()) return ApplyConflict(applied.conflicts, shown_version);
  PutManagedFields(applied.managers, applied.object);
  return std::move(applied.object);
}

Outcome<http::Response> ApplyObject(const Context& context, Call& call) {
  ASYA_TRY(const WriteOptions options, ParseWriteOptions(call.request, "PatchOptions"));
  Target target;
  ASYA_TRY(const json::Value whole, Prepare(context, call, options, target));
  const bool status_only = call.info.subresource == "status";
  json::Value config = whole;
  KeepWritable(status_only, config);
  for (int attempt = 1; attempt <= kApplyAttempts; ++attempt) {
    const auto record = context.store.Get(call.Key());
    if (!record.ok() && record.error().code == ErrorCode::kNotFound && !status_only) {
      auto created = ApplyToNothing(context, call, options, target, config);
      if (!created.ok() && created.error().reason == "AlreadyExists") continue;
      return created;
    }
    if (!record.ok()) return FromStore(record.error(), *call.resource, call.info.name);
    ASYA_TRY(json::Value live, StoredObjectOf(*record));
    ASYA_TRY(json::Value object, Applied(context, call, options, std::move(live), config, call.resource->ApiVersion()));
    if (options.field_manager == kKubectl) RenewLastApplied(whole, object);
    if (!target.uid.empty()) MetadataOf(object)["uid"] = target.uid;
    if (!target.revision.empty()) MetadataOf(object)["resourceVersion"] = target.revision;
    const Part part = status_only ? Part::kStatus : Part::kSpec;
    ASYA_TRY(const Written written,
             Write(context, call, options, *record, std::move(object), part, Ownership::kDecided));
    if (!written.raced) return AnswerObject(context, call, 200, written.bytes);
  }
  return Modified(*call.resource, call.info.name);
}

}  // namespace asya::apiserver
