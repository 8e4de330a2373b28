#include "apiserver/namespaces.h"

#include <utility>

#include "apiserver/object.h"
#include "apiserver/remove.h"
#include "model/validate/syntax.h"

namespace asya::apiserver {
namespace {

using ports::NamespaceState;

constexpr const char* kFinalizer = "kubernetes";

Outcome<NamespaceState> StateOf(const Context& context, const std::string& namespace_) {
  if (context.namespace_state) {
    const auto state = context.namespace_state(namespace_);
    if (state.ok()) return *state;
    return Unavailable("the cluster does not tell of namespace " + namespace_ + ": " + state.error().message);
  }
  const auto record = context.store.Get(KeyOf(Namespaces(), "", namespace_));
  if (!record.ok() && record.error().code == ErrorCode::kNotFound) return NamespaceState::kMissing;
  if (!record.ok()) return FromStore(record.error(), Namespaces(), namespace_);
  ASYA_TRY(const json::Value object, StoredObjectOf(*record));
  return IsDeleting(object) ? NamespaceState::kTerminating : NamespaceState::kActive;
}

// Events go by themselves.
bool GoesWithItsNamespace(const Resource& resource) { return resource.kind.namespaced && resource.Allows("delete"); }

bool HasObjects(const Context& context, const std::string& namespace_) {
  for (const Resource& resource : Resources()) {
    if (!GoesWithItsNamespace(resource)) continue;
    const auto page = context.store.List({resource.kind.plural, namespace_, {}, 1, {}, {}});
    if (!page.ok() || !page->items.empty()) return true;
  }
  return false;
}

}  // namespace

void CheckNamespaceName(const std::string& name, std::vector<model::Cause>& causes) {
  if (model::IsDnsLabel(name)) return;
  causes.push_back({"metadata.name", "FieldValueInvalid",
                    "Invalid value: \"" + name + "\": must be at most 63 lower case letters, digits or '-'"});
}

void CompleteNamespace(json::Value& object) {
  // What is of another type stays, and is refused with all else that is wrong.
  const auto put = [](json::Value& members, std::string_view name, json::Value value) {
    if (members.IsNull() || members.IsObject()) members[name] = std::move(value);
  };
  put(object["spec"], "finalizers", json::Array{kFinalizer});
  object["status"] = json::Object{{"phase", "Active"}};
  put(MetadataOf(object)["labels"], "kubernetes.io/metadata.name", MetadataText(object, "name"));
}

Outcome<Done> EnsureDefaultNamespace(const Context& context) {
  const Resource& resource = Namespaces();
  const auto existing = context.store.Get(KeyOf(resource, "", "default"));
  if (existing.ok()) return Done{};
  if (existing.error().code != ErrorCode::kNotFound) return FromStore(existing.error(), resource, "default");
  json::Value object = json::Object{{"apiVersion", "v1"}, {"kind", "Namespace"}};
  json::Value& metadata = MetadataOf(object);
  metadata["name"] = "default";
  metadata["uid"] = NewUuid();
  metadata["creationTimestamp"] = FormatRfc3339(context.clock.Now());
  CompleteNamespace(object);
  const auto created = context.store.Create(RecordOf(resource, std::move(object)), {"system:asya", "", "create", true});
  if (created.ok() || created.error().code == ErrorCode::kExists) return Done{};
  return FromStore(created.error(), resource, "default");
}

Outcome<Done> CheckNamespace(const Context& context, const Call& call, const json::Value& object) {
  if (!call.resource->kind.namespaced) return Done{};
  const std::string& namespace_ = call.info.namespace_;
  ASYA_TRY(const NamespaceState state, StateOf(context, namespace_));
  switch (state) {
    case NamespaceState::kActive:
      return Done{};
    case NamespaceState::kMissing:
      return NotFound(Namespaces(), namespace_);
    case NamespaceState::kTerminating:
      break;
  }
  std::string name = MetadataText(object, "name");
  if (name.empty()) name = MetadataText(object, "generateName");
  StatusError refusal =
      Forbidden(*call.resource, name,
                "unable to create new content in namespace " + namespace_ + " because it is being terminated");
  refusal.causes.push_back(
      {"metadata.namespace", "NamespaceTerminating", "namespace " + namespace_ + " is being terminated"});
  return refusal;
}

Outcome<bool> EmptyNamespace(const Context& context, const Call& call, const std::string& namespace_) {
  for (const Resource& resource : Resources()) {
    if (!GoesWithItsNamespace(resource)) continue;
    const auto page = context.store.List({resource.kind.plural, namespace_, {}, 0, {}, {}});
    if (!page.ok()) return FromStore(page.error(), resource, "");
    for (const ports::Record& record : page->items) {
      Call inner = call;
      inner.resource = &resource;
      inner.info.namespace_ = namespace_;
      inner.info.resource = resource.kind.plural;
      inner.info.name = record.key.name;
      const auto removed = Remove(context, inner, {});
      if (!removed.ok() && removed.error().code != 404) return removed.error();
    }
  }
  return !HasObjects(context, namespace_);
}

void FinishNamespace(const Context& context, const Call& call, const std::string& namespace_) {
  if (namespace_.empty() || context.namespace_state) return;
  const auto record = context.store.Get(KeyOf(Namespaces(), "", namespace_));
  if (!record.ok()) return;
  const auto object = StoredObjectOf(*record);
  if (!object.ok() || !IsDeleting(*object) || !FinalizersOf(*object).empty()) return;
  if (HasObjects(context, namespace_)) return;
  const auto deleted = context.store.Delete(record->key, {record->revision, std::nullopt}, call.Author());
  if (!deleted.ok() && deleted.error().code != ErrorCode::kNotFound && deleted.error().code != ErrorCode::kConflict) {
    context.logger.Warning("an empty namespace could not be removed",
                           {{"namespace", namespace_}, {"error", deleted.error().message}});
  }
}

}  // namespace asya::apiserver
