#include "cluster/kubernetes/kubernetes_dry_run.h"

#include <utility>

#include "cluster/kubernetes/child_kinds.h"
#include "cluster/kubernetes/count_managers.h"
#include "cluster/kubernetes/own_object.h"
#include "cluster/kubernetes/served.h"

namespace asya::cluster::kubernetes {

Result<std::vector<ports::Observed>> KubernetesDryRun::Children(const std::string& namespace_,
                                                                const std::string& owner_uid) {
  std::vector<ports::Observed> children;
  for (const Kind& kind : ChildKinds()) {
    if (kind.optional) {
      ASYA_TRY(const bool served, IsServed(client_, kind));
      if (!served) continue;
    }
    std::string path = ObjectPath(kind, {kind.api_version, kind.name, namespace_, ""});
    path.pop_back();  // the slash before the name
    ASYA_TRY(json::Value list, client_.Get(path + "?labelSelector=" + kOwnerLabel + "%3D" + owner_uid));
    json::Value* items = list.Find("items");
    if (items == nullptr || !items->IsArray()) continue;
    for (json::Value& item : items->AsArray()) {
      // A list names the kind of its elements once.
      item["apiVersion"] = kind.api_version;
      item["kind"] = kind.name;
      const ports::ResourceRef ref{kind.api_version, kind.name, namespace_, MetadataOf(item, "name")};
      children.push_back({ref, std::move(item)});
    }
  }
  return children;
}

Result<ports::TriedApply> KubernetesDryRun::Try(const json::Value& object, const std::string& field_manager) {
  ASYA_TRY(const ports::ResourceRef ref, RefOf(object));
  const Kind* kind = FindChildKind(ref);
  if (kind == nullptr) return Invalid("kind", "no actor is rendered into a " + ref.api_version + " " + ref.kind);
  if (kind->optional) {
    ASYA_TRY(const bool served, IsServed(client_, *kind));
    if (!served) return NotServed(*kind);
  }
  json::Value wanted = owner_references_ ? WithOwnerReference(object) : object;
  ports::TriedApply tried;
  ASYA_TRY(tried.before, FindOwn(client_, *kind, ref, wanted));
  // Should somebody else put an object of their own there in the meantime, it is a conflict.
  if (!tried.before.IsNull()) wanted["metadata"]["uid"] = MetadataOf(tried.before, "uid");
  // An apply leaves it to another manager before.
  if (GivesUpCount(tried.before, wanted, field_manager)) {
    wanted["spec"]["replicas"] = *tried.before.FindPath({"spec", "replicas"});
  }
  Call call = ApplyCall(*kind, ref, std::move(wanted), field_manager);
  call.path += "&dryRun=All";
  ASYA_TRY(tried.after, client_.Send(call));
  return tried;
}

}  // namespace asya::cluster::kubernetes
