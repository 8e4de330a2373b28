#include "ports/resource.h"

namespace asya::ports {
namespace {

std::string Text(const json::Value* value) {
  return value != nullptr && value->IsString() ? value->AsString() : std::string();
}

}  // namespace

Result<ResourceRef> RefOf(const json::Value& object) {
  ResourceRef ref{object.GetString("apiVersion").value_or(""), object.GetString("kind").value_or(""),
                  MetadataOf(object, "namespace"), MetadataOf(object, "name")};
  if (ref.api_version.empty()) return Invalid("apiVersion", "Required value");
  if (ref.kind.empty()) return Invalid("kind", "Required value");
  if (ref.namespace_.empty()) return Invalid("metadata.namespace", "Required value");
  if (ref.name.empty()) return Invalid("metadata.name", "Required value");
  return ref;
}

std::string MetadataOf(const json::Value& object, std::string_view field) {
  return Text(object.FindPath({"metadata", field}));
}

std::string LabelOf(const json::Value& object, std::string_view name) {
  return Text(object.FindPath({"metadata", "labels", name}));
}

std::string AnnotationOf(const json::Value& object, std::string_view name) {
  return Text(object.FindPath({"metadata", "annotations", name}));
}

const json::Value* FindCondition(const json::Value* status, std::string_view type) {
  const json::Value* conditions = status == nullptr ? nullptr : status->Find("conditions");
  if (conditions == nullptr || !conditions->IsArray()) return nullptr;
  for (const json::Value& condition : conditions->AsArray()) {
    if (condition.GetString("type") == type) return &condition;
  }
  return nullptr;
}

}  // namespace asya::ports
