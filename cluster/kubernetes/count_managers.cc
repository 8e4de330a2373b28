#include "cluster/kubernetes/count_managers.h"

#include <algorithm>
#include <utility>

#include "cluster/kubernetes/child_kinds.h"
#include "cluster/kubernetes/own_object.h"

namespace asya::cluster::kubernetes {
namespace {

bool HasAppliedCount(const json::Value& entry) {
  return entry.GetString("operation") == "Apply" && entry.FindPath({"fieldsV1", "f:spec", "f:replicas"}) != nullptr;
}

}  // namespace

json::Value WithCountManagersAlone(json::Value object) {
  json::Object& metadata = object["metadata"].AsObject();
  const json::Value* entries = object.FindPath({"metadata", "managedFields"});
  json::Array kept;
  if (entries != nullptr && entries->IsArray()) {
    for (const json::Value& entry : entries->AsArray()) {
      const std::string manager = entry.GetString("manager").value_or("");
      if (!HasAppliedCount(entry) || manager.ends_with(kInitialSuffix)) continue;
      const json::Object count{{"f:spec", json::Object{{"f:replicas", json::Object{}}}}};
      kept.push_back(json::Object{{"manager", manager}, {"operation", "Apply"}, {"fieldsV1", count}});
    }
  }
  metadata.erase("managedFields");
  if (!kept.empty()) metadata["managedFields"] = std::move(kept);
  return object;
}

bool GivesUpCount(const json::Value& object, const json::Value& applied, const std::string& manager) {
  const json::Value* entries = object.FindPath({"metadata", "managedFields"});
  if (entries == nullptr || !entries->IsArray()) return false;
  if (applied.FindPath({"spec", "replicas"}) != nullptr || object.FindPath({"spec", "replicas"}) == nullptr) {
    return false;
  }
  return std::ranges::any_of(entries->AsArray(), [&manager](const json::Value& entry) {
    return entry.GetString("manager") == manager && HasAppliedCount(entry);
  });
}

json::Value CountAlone(const json::Value& object) {
  const json::Value* replicas = object.FindPath({"spec", "replicas"});
  return json::Object{{"apiVersion", object.GetString("apiVersion").value_or("")},
                      {"kind", object.GetString("kind").value_or("")},
                      {"metadata", json::Object{{"name", MetadataOf(object, "name")},
                                                {"namespace", MetadataOf(object, "namespace")},
                                                {"resourceVersion", MetadataOf(object, "resourceVersion")}}},
                      {"spec", json::Object{{"replicas", replicas == nullptr ? json::Value() : *replicas}}}};
}

}  // namespace asya::cluster::kubernetes
