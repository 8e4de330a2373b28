#include "cluster/kubernetes/own_object.h"

#include <algorithm>
#include <utility>

#include "ports/cluster.h"

namespace asya::cluster::kubernetes {
namespace {

constexpr const char* kApplyPatch = "application/apply-patch+yaml";  // JSON is YAML

std::string There(const ports::ResourceRef& ref) {
  return "there is a " + ref.kind + " " + ref.namespace_ + "/" + ref.name + " already, which ";
}

}  // namespace

Error NotServed(const Kind& kind) {
  return Error{ErrorCode::kUnavailable,
               "the cluster serves no " + kind.resource + " of " + kind.api_version +
                   "; install KEDA, or set spec.scaling.enabled: false",
               ports::kKedaField};
}

json::Value WithOwnerReference(json::Value object) {
  const std::string uid = LabelOf(object, kOwnerLabel);
  if (uid.empty()) return object;
  object["metadata"]["ownerReferences"] = json::Array{json::Object{{"apiVersion", "asya.sh/v1alpha1"},
                                                                   {"kind", "AsyncActor"},
                                                                   {"name", LabelOf(object, kNameLabel)},
                                                                   {"uid", uid},
                                                                   {"controller", true},
                                                                   {"blockOwnerDeletion", true}}};
  return object;
}

Call ApplyCall(const Kind& kind, const ports::ResourceRef& ref, json::Value object, const std::string& manager,
               Fields fields) {
  const std::string force = fields == Fields::kTakeOver ? "force=true&" : "";
  return {"PATCH", ObjectPath(kind, ref) + "?" + force + "fieldManager=" + manager, std::move(object), kApplyPatch};
}

bool IsOfOthersToo(const json::Value& object, const std::string& manager) {
  const std::string main = manager.substr(0, manager.rfind(kInitialSuffix));
  const json::Value* entries = object.FindPath({"metadata", "managedFields"});
  if (entries == nullptr || !entries->IsArray()) return false;
  return std::ranges::any_of(entries->AsArray(), [&](const json::Value& entry) {
    const std::string by = entry.GetString("manager").value_or("");
    return by != main && by != main + kInitialSuffix && !entry.GetString("subresource");
  });
}

Error Taken(const ports::ResourceRef& ref) {
  return Fail(ErrorCode::kConflict, There(ref) + "nobody gave to an actor; rename the actor, or delete it");
}

Result<json::Value> FindObject(Client& client, const Kind& kind, const ports::ResourceRef& ref) {
  auto found = client.Get(ObjectPath(kind, ref));
  if (!found.ok() && found.error().code == ErrorCode::kNotFound) return json::Value();
  return found;
}

Result<json::Value> FindOwn(Client& client, const Kind& kind, const ports::ResourceRef& ref,
                            const json::Value& wanted) {
  auto found = FindObject(client, kind, ref);
  if (!found.ok() || found->IsNull()) return found;
  const std::string owner = LabelOf(*found, kOwnerLabel);
  if (owner == LabelOf(wanted, kOwnerLabel)) return found;
  if (owner.empty()) return Taken(ref);
  return Fail(ErrorCode::kConflict,
              There(ref) + "belongs to an earlier actor of uid " + owner + "; waiting until it is gone");
}

}  // namespace asya::cluster::kubernetes
