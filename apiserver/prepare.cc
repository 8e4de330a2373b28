#include "apiserver/prepare.h"

#include <algorithm>
#include <utility>

#include "apiserver/fields.h"
#include "apiserver/namespaces.h"
#include "apiserver/object.h"
#include "apiserver/secrets.h"
#include "model/warnings.h"

namespace asya::apiserver {
namespace {

// Members of metadata that only the server writes.
constexpr const char* kServerMembers[] = {
    "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "namespace", "name"};

json::Value InitialStatus(const WallTime now) {
  json::Object condition{{"type", "Ready"},
                         {"status", "Unknown"},
                         {"reason", "Created"},
                         {"message", "the control plane has not looked at this object yet"},
                         {"lastTransitionTime", FormatRfc3339(now)}};
  return json::Object{
      {"phase", "Creating"}, {"observedGeneration", 0}, {"conditions", json::Array{std::move(condition)}}};
}

Outcome<Done> CheckValid(const Call& call, const json::Value& object, const json::Value* old) {
  std::vector<model::Cause> causes = model::Validate(call.resource->kind, object, old);
  // The model knows only the version of its own kinds; MatchUrl has checked this one.
  if (call.resource->group.empty())
    std::erase_if(causes, [](const model::Cause& cause) { return cause.field == "apiVersion"; });
  if (call.resource == &Namespaces()) CheckNamespaceName(MetadataText(object, "name"), causes);
  if (call.resource == &Secrets()) CheckSecret(object, old, causes);
  if (causes.empty()) return Done{};
  std::string name = MetadataText(object, "name");
  if (name.empty()) name = MetadataText(object, "generateName");
  return Invalid(*call.resource, name, std::move(causes));
}

Outcome<Done> CheckFinalizers(const Call& call, const json::Value& old, const json::Value& object) {
  if (!IsDeleting(old)) return Done{};
  const std::vector<std::string> before = FinalizersOf(old);
  std::string added;
  for (const std::string& finalizer : FinalizersOf(object)) {
    if (std::find(before.begin(), before.end(), finalizer) == before.end()) added += " \"" + finalizer + "\"";
  }
  if (added.empty()) return Done{};
  return Invalid(
      *call.resource, call.info.name,
      {{"metadata.finalizers", "FieldValueForbidden",
        "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers:" + added}});
}

// All that is wrong at once: a field that is unknown does not hide one that is missing.
Outcome<Done> CheckFields(Call& call, const WriteOptions& options, json::Value& object, const json::Value* old) {
  if (call.resource == &Secrets()) TakeStringData(object);
  const auto pruned = PruneFields(call, options, object);
  if (old != nullptr && pruned.ok()) {
    ASYA_TRY([[maybe_unused]] const Done finalizers, CheckFinalizers(call, *old, object));
    if (object == *old) return Done{};
  }
  auto valid = CheckValid(call, object, old);
  if (pruned.ok()) return valid;
  StatusError all = pruned.error();
  if (valid.ok()) return all;
  all.message += "; " + valid.error().message;
  const auto& causes = valid.error().causes;
  all.causes.insert(all.causes.end(), causes.begin(), causes.end());
  return all;
}

Outcome<Done> Admit(const Context& context, const Call& call, json::Value& object, const json::Value* old) {
  for (const Admission& admission : context.admission) {
    AdmissionRequest request{call, old, object};
    ASYA_TRY([[maybe_unused]] const Done admitted, admission(request));
  }
  return Done{};
}

// Lists and maps that say nothing are left out, so that an object that comes back through a client stays the same.
void DropEmptyMetadata(json::Value& metadata) {
  for (const char* member : {"labels", "annotations", "finalizers", "ownerReferences"}) {
    const json::Value* value = metadata.Find(member);
    if (value == nullptr) continue;
    const bool empty = value->IsNull() || (value->IsObject() && value->AsObject().empty()) ||
                       (value->IsArray() && value->AsArray().empty());
    if (empty) metadata.AsObject().erase(member);
  }
  for (const char* member : {"selfLink", "resourceVersion"}) metadata.AsObject().erase(member);
}

void DropRepeatedOwners(Call& call, json::Value& metadata) {
  json::Value* owners = metadata.Find("ownerReferences");
  if (owners == nullptr || !owners->IsArray()) return;
  json::Array kept;
  for (json::Value& owner : owners->AsArray()) {
    if (std::find(kept.begin(), kept.end(), owner) == kept.end()) {
      kept.push_back(std::move(owner));
    } else {
      call.Warn("metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+");
    }
  }
  *owners = std::move(kept);
}

void WarnOfFinalizers(Call& call, const json::Value& object) {
  for (const std::string& finalizer : FinalizersOf(object)) {
    if (finalizer.find('/') == std::string::npos && finalizer != "orphan" && finalizer != "foregroundDeletion") {
      call.Warn("metadata.finalizers: \"" + finalizer +
                "\": prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with "
                "other finalizer writers");
    }
  }
}

void WarnOfSpec(Call& call, const json::Value& object) {
  const json::Value* spec = object.Find("spec");
  if (spec == nullptr || call.resource->group.empty()) return;
  for (std::string& warning : model::WarningsOf(*spec)) call.Warn(std::move(warning));
}

// Everything but metadata and status.
bool SameContent(const json::Value& a, const json::Value& b) {
  const auto content = [](const json::Value& object) {
    json::Value copy = object;
    for (const char* member : {"metadata", "status"}) copy.AsObject().erase(member);
    return copy;
  };
  return content(a) == content(b);
}

void TakeStatusOnly(const json::Value& old, json::Value& object) {
  json::Value status = json::Value(object)["status"];
  object = old;
  if (status.IsNull()) {
    object.AsObject().erase("status");
  } else {
    object["status"] = std::move(status);
  }
}

void Keep(const char* member, const json::Value& old, json::Value& object) {
  object.AsObject().erase(member);
  if (const json::Value* value = old.Find(member)) object[member] = *value;
}

// `sent`: the managedFields that the object came with.
void SetOwners(const Context& context, const Call& call, const WriteOptions& options, const Before& before,
               json::Value sent, Ownership ownership, json::Value& object) {
  if (ownership == Ownership::kTracked) {
    TrackOwners(call, WriterOf(context, call, options), before, sent, object);
  } else if (!sent.IsNull()) {
    MetadataOf(object)["managedFields"] = std::move(sent);
  }
}

}  // namespace

Outcome<json::Value> PrepareCreate(const Context& context, Call& call, const WriteOptions& options, json::Value object,
                                   Ownership ownership) {
  constexpr std::size_t kGeneratedBaseLimit = 58;
  constexpr std::size_t kGeneratedCharacters = 5;
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  json::Value sent = TakeManagedFields(object);
  json::Value& metadata = MetadataOf(object);
  const std::string base = MetadataText(object, "generateName");
  if (MetadataText(object, "name").empty() && !base.empty()) {
    std::string name = base.substr(0, kGeneratedBaseLimit);
    for (std::size_t i = 0; i < kGeneratedCharacters; ++i) {
      name += kAlphabet[static_cast<std::size_t>(
          context.random.Between(0, static_cast<std::int64_t>(kAlphabet.size()) - 1))];
    }
    metadata["name"] = name;
  }
  for (const char* member : {"deletionTimestamp", "deletionGracePeriodSeconds"}) metadata.AsObject().erase(member);
  DropEmptyMetadata(metadata);
  DropRepeatedOwners(call, metadata);
  const WallTime now = context.clock.Now();
  metadata["uid"] = NewUuid();
  metadata["creationTimestamp"] = FormatRfc3339(now);
  if (!call.resource->group.empty()) metadata["generation"] = 1;
  if (call.resource->kind.has_status) object.AsObject().erase("status");
  ASYA_TRY([[maybe_unused]] const Done valid, CheckFields(call, options, object, nullptr));
  ASYA_TRY([[maybe_unused]] const Done admitted, Admit(context, call, object, nullptr));
  WarnOfFinalizers(call, object);
  WarnOfSpec(call, object);
  SetOwners(context, call, options, {}, std::move(sent), ownership, object);
  // Only actors have a reconciler that will write the first status; on another kind this would look unready for ever.
  if (call.resource->kind.has_scale) object["status"] = InitialStatus(now);
  return object;
}

Outcome<json::Value> PrepareUpdate(const Context& context, Call& call, const WriteOptions& options,
                                   const json::Value& old, json::Value object, Part part, Ownership ownership) {
  const std::string uid = MetadataText(object, "uid");
  if (!uid.empty() && uid != MetadataText(old, "uid")) {
    return Conflict(
        *call.resource, call.info.name,
        "Precondition failed: UID in precondition: " + uid + ", UID in object meta: " + MetadataText(old, "uid"));
  }
  json::Value sent = TakeManagedFields(object);
  Before before{old, {}};
  before.managed_fields = TakeManagedFields(before.object);
  if (part == Part::kStatus) {
    TakeStatusOnly(before.object, object);
  } else if (call.resource->kind.has_status) {
    Keep("status", old, object);
  } else if (call.resource == &Namespaces()) {
    for (const char* member : {"spec", "status"}) Keep(member, old, object);
  }
  json::Value& metadata = MetadataOf(object);
  const json::Value& old_metadata = *old.Find("metadata");
  for (const char* member : kServerMembers) {
    metadata.AsObject().erase(member);
    if (const json::Value* value = old_metadata.Find(member)) metadata[member] = *value;
  }
  DropEmptyMetadata(metadata);
  DropRepeatedOwners(call, metadata);
  ASYA_TRY([[maybe_unused]] const Done valid, CheckFields(call, options, object, &before.object));
  const bool same_owners = sent == before.managed_fields || (sent.IsNull() && ownership == Ownership::kTracked);
  if (object == before.object && same_owners) return old;
  if (object != before.object) {
    ASYA_TRY([[maybe_unused]] const Done admitted, Admit(context, call, object, &before.object));
    WarnOfFinalizers(call, object);
    WarnOfSpec(call, object);
    if (!call.resource->group.empty() && !SameContent(old, object)) {
      MetadataOf(object)["generation"] = old_metadata.GetInt("generation").value_or(0) + 1;
    }
  }
  SetOwners(context, call, options, before, std::move(sent), ownership, object);
  return SameButForTimes(object, old) ? old : object;
}

}  // namespace asya::apiserver
