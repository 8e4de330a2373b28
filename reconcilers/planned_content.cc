#include "reconcilers/planned_content.h"

#include <string>
#include <utility>

#include "core/base/sha256.h"
#include "model/kinds.h"

namespace asya::reconcilers {
namespace {

constexpr const char* kComparedMetadata[] = {"labels", "annotations", "ownerReferences"};
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

json::Value Shown(json::Value value) {
  if (value.IsObject()) {
    for (auto& [name, below] : value.AsObject()) below = Shown(std::move(below));
  } else if (value.IsArray()) {
    for (json::Value& below : value.AsArray()) below = Shown(std::move(below));
  } else if (value.IsString() && value.AsString().size() > kPlannedTextBytesMax) {
    return std::to_string(value.AsString().size()) + " bytes, sha256:" + Sha256Hex(value.AsString());
  }
  return value;
}

json::Value ContentOf(const json::Value& object) {
  json::Value content = object;
  content.AsObject().erase("status");
  json::Object metadata;
  for (const char* member : kComparedMetadata) {
    const json::Value* value = object.FindPath({"metadata", member});
    if (value != nullptr) metadata[member] = *value;
  }
  const auto annotations = metadata.find("annotations");
  if (annotations != metadata.end() && annotations->second.IsObject()) {
    annotations->second.AsObject().erase(kLastApplied);
    if (annotations->second.AsObject().empty()) metadata.erase(annotations);
  }
  content["metadata"] = std::move(metadata);
  return Shown(std::move(content));
}

model::Schema Open(const char* name, std::vector<model::Schema> fields) {
  return model::Object(name, "", std::move(fields)).Open();
}

model::Schema Keyed(const char* name, const char* key, std::vector<model::Schema> fields = {}) {
  fields.push_back(model::String(key, ""));
  return model::List(name, "", Open("", std::move(fields))).KeyedBy({key});
}

model::Schema Containers(const char* name) {
  return Keyed(name, "name", {Keyed("env", "name"), Keyed("volumeMounts", "mountPath")});
}

// As much of the children as it takes to find the elements of their lists again.
const model::Schema& ChildSchema() {
  static const model::Schema schema =
      Open("", {Open("metadata", {Keyed("ownerReferences", "uid"), model::Map("labels", "", model::String("", "")),
                                  model::Map("annotations", "", model::String("", ""))}),
                Open("spec", {Open("template", {Open("spec", {Containers("containers"), Containers("initContainers"),
                                                              Keyed("volumes", "name")})})})});
  return schema;
}

json::Value PolicyOf(const json::Value& spec) {
  json::Object policy;
  for (const char* member : {"paused", "replicas", "scaling"}) {
    const json::Value* value = spec.Find(member);
    if (value != nullptr) policy[member] = *value;
  }
  return policy;
}

}  // namespace

std::vector<model::Change> ScalingChanges(const json::Value& before, const json::Value& after) {
  const json::Value* mode = after.FindPath({"scaling", "mode"});
  if (mode != nullptr && *mode == json::Value("native")) return {};
  return model::Changes(model::Schema(), PolicyOf(before), PolicyOf(after));
}

std::vector<model::Change> ChangesOf(const ports::PlannedWrite& write) {
  const model::KindInfo* kind = model::FindKind(write.resource);
  if (kind == nullptr || !write.before) return {};
  return model::Changes(kind->schema, ContentOf(*write.before), ContentOf(write.after));
}

std::vector<model::Change> ChangesOf(const ports::TriedApply& child) {
  if (child.before.IsNull()) return {};
  return model::Changes(ChildSchema(), ContentOf(child.before), ContentOf(child.after));
}

}  // namespace asya::reconcilers
